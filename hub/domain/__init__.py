"""The words of the field. Standard library only."""
