"""The windows: server-rendered pages for county staff."""
