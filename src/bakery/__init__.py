"""Bakery: bake one DigitalOcean snapshot, and launch a Consul + Nomad cluster from it that forms by itself."""

__version__ = "0.1.0"
DISTRIBUTION = "cluster-bakery"
"""Name on the Python package index, which pip, pipx and uv use; another project has the name bakery there."""
