"""The emulated account in memory: its things, their rules and its addresses; no HTTP, machine or real clock."""
