"""The doors: every one makes an Envelope and calls receive()."""
