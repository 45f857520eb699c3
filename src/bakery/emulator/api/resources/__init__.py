"""DigitalOcean's resources under ``/v2``, one module each."""
