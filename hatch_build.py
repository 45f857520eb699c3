"""Put the manual pages into the wheel, as ``share/man/man1``: pip installs them beside the programs."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualPages(BuildHookInterface):  # type: ignore[type-arg]
    """Write the pages from the same text as ``bakery --help``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the pages to a wheel; an editable install has none."""
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "src"))
        from bakery.cli.man import write_pages

        for page in write_pages(Path(self.root) / "build" / "man"):
            build_data["shared_data"][str(page)] = f"share/man/man1/{page.name}"
