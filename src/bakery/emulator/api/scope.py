"""The paths of the emulator's own, and what the middleware leaves in the ASGI scope for the endpoint, by key."""

ADMIN = "/_emulator"
"""Where the paths of the emulator's own begin."""

RECORD = "bakery.emulator.record"
"""The request's record in the log."""
ACCESS = "bakery.emulator.access"
"""What its token may do."""
PAST = "bakery.emulator.past"
"""The account that it is shown, where that is not today's."""
