"""Figures with a floor beside them; they print, they never assert."""
