"""How what departments send becomes canonical records."""
