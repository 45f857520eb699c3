"""What every part that acts on this machine raises when it cannot."""


class MachineFailure(Exception):
    """The machine cannot do it; the message goes into the action's or the emulator's log."""
