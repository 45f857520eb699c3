"""The local DigitalOcean: the same HTTP API, droplets that really boot."""
