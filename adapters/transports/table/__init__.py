"""Shared tables of a department (前置机), read and written back through SQLAlchemy."""
