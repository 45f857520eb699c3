"""The emulated account: its resources, their rules and addresses, and the file it is saved in. No HTTP."""
