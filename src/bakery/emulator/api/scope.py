"""The prefix of the emulator's own paths, and the keys under which the middleware adds to the ASGI scope."""

ADMIN = "/_emulator"
"""Prefix of the emulator's own paths."""

RECORD = "bakery.emulator.record"
"""The request's record in the request log."""
ACCESS = "bakery.emulator.access"
"""The request's access token."""
PAST = "bakery.emulator.past"
"""The old account to show, for a GET that a stale fault affects."""
