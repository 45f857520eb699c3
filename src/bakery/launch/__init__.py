"""Converges droplets to the plan, and destroys what it made."""
