"""Bakery: bake one DigitalOcean snapshot, and launch a Consul + Nomad cluster from it that forms by itself."""

__version__ = "0.1.0"
