"""County exchange hub: words, stores, doors and windows."""
