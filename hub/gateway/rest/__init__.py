"""The REST door: pushes, receipts, and reading what the hub holds."""
