"""State folders in a test's own temporary folder."""

from pathlib import Path

from bakery.config.paths import StatePaths, state_paths


def paths_in(folder: Path, cluster: str = "demo") -> StatePaths:
    """Where the state of ``cluster`` lies if its file is in ``folder``."""
    return state_paths(folder / "bakery.yaml", cluster)
