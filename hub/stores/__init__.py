"""The five information stores and what surrounds them; the only home of SQLAlchemy."""
