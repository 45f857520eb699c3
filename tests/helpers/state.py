"""State folders in a test's own temporary folder, and a reporter that remembers."""

from pathlib import Path

from bakery.config.paths import StatePaths, state_paths
from bakery.console import Silent
from bakery.hints import Text


class Remembers(Silent):
    """A reporter that keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: Text) -> None:
        self.warnings.append(str(text))


def paths_in(folder: Path, cluster: str = "demo") -> StatePaths:
    """Where the state of ``cluster`` lies if its file is in ``folder``."""
    return state_paths(folder / "bakery.yaml", cluster)
