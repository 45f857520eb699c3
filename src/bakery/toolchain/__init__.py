"""Verified consul, nomad and packer: PATH, cache, official release."""
