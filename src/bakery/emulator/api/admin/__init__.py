"""The emulator's own paths, under ``/_emulator/``: no part of DigitalOcean's API."""
