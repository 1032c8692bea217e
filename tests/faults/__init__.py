"""The fault harness: real processes, private servers, a client that remembers every receipt, and a checker."""
