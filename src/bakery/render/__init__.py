"""Plan and credentials -> user-data per node or per role; pure and size-checked."""
