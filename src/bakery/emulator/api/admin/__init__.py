"""The emulator's own paths, below ``/_emulator/``; DigitalOcean's API does not have them."""
