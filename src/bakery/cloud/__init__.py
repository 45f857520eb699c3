"""The port to the DigitalOcean API and its one adapter."""
