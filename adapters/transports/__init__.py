"""How departments are reached, and how we reach a hub."""
