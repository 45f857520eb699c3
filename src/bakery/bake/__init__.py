"""Runs Packer and verifies the snapshot through the API."""
