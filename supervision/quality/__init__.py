"""How good the data of each sender is: score, rhythm, running numbers, and comparing with the sender's own list."""
