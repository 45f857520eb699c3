"""The base images of droplets, and the Debian package sources they are built from."""
