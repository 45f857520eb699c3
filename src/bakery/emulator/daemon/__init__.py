"""The emulator as a process: checks of this machine, start, server and stop."""
