"""The pure judge: reads no clock, no database, no settings."""
