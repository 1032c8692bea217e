"""Electronic supervision: timers, cards, and the pure judge."""
