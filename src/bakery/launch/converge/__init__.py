"""Brings the droplets to the plan."""
