"""What happens to a hub under load, scenario by scenario, and what it promises nevertheless."""
