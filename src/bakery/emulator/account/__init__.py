"""The emulated account: its resources, their rules and addresses, and the file that keeps it. No HTTP."""
