"""Render user-data per node or per role from plan and credentials; pure and size-checked."""
