"""The HTTP API: requests are read, applied to the account and answered."""
