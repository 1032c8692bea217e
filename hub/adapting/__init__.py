"""Use cases of adapters: which version is in force, its life cycle, and what it makes of a message."""
