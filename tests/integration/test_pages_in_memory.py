"""The steps of pages that need no boots, run by a reader's shell on an account in memory.

``DIGITALOCEAN_API_URL`` names the emulator as if it were DigitalOcean. Pages with ``--local`` start their own.
"""

import os
from pathlib import Path

import pytest

from bakery.emulator.daemon import lifecycle
from tests.helpers.cli import BAKERY, cli_harness
from tests.helpers.console_blocks import read_page
from tests.helpers.page_shell import PageShell, with_programs
from tests.helpers.pages import IN_MEMORY, ROOT

pytestmark = pytest.mark.integration

SECONDS = 60.0


@pytest.mark.parametrize("name", IN_MEMORY)
def test_the_steps_run_as_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = read_page((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8"))
    assert page, "control: the page has steps"
    with cli_harness(tmp_path, monkeypatch, snapshot=False) as at:
        (at.folder / "bakery.yaml").unlink()
        mine = {
            key: value for key, value in os.environ.items() if key.startswith(("XDG_", "DIGITALOCEAN_", "BAKERY_"))
        }
        environment = with_programs({**mine, "HOME": os.environ["HOME"], "NO_COLOR": "1"}, BAKERY.parent)
        try:
            shell = PageShell(at.folder, environment, seconds=SECONDS)
            for step in (step for steps in page.values() for step in steps):
                shell.take(step)
        finally:
            lifecycle.down("demo")
