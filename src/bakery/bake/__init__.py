"""Run Packer, and verify the snapshot through the API."""
