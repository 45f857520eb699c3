"""The columns of the nodes in ``bakery status``. The help names them, so this module imports nothing."""

NODE_HEADER = (
    "NODE", "ROLE", "DROPLET", "PUBLIC", "PRIVATE", "CONSUL", "NOMAD", "VOTER", "HEALTHY", "EXPIRES", "DIFFERS",
    "SNAPSHOT", "CONSUL VERSION", "NOMAD VERSION", "AGE", "ID",
)  # fmt: skip
NODE_DROPS = ("ROLE", "EXPIRES", "PRIVATE", "VOTER", "PUBLIC", "DIFFERS")
"""Columns to leave out on a narrow terminal, the first first."""
NODE_WIDE = ("SNAPSHOT", "CONSUL VERSION", "NOMAD VERSION", "AGE", "ID")
