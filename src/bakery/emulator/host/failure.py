"""The error of everything that acts on this machine."""


class MachineFailure(Exception):
    """Work on a machine has failed; the message is logged, or sent as an API error."""
