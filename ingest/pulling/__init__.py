"""Pulling: departments' systems that do not push are asked, at their times, for what is new."""
