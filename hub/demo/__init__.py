"""A county in a box: invented departments, items and cases, pushed live through the real doors."""
