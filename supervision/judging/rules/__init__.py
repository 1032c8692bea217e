"""The rule templates, one file per kind of rule. Each is a pure function; the table of them stands in judge.py."""
