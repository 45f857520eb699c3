"""The base images that droplets and builds start from, and the Debian package sources they are built from."""
