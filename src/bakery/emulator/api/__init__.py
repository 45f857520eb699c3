"""The HTTP API: reads requests, applies them to the account, and answers them."""
