"""Changes a running cluster by replacing droplets: the new one first, one at a time."""
