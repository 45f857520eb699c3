"""What the commands of a first day print, word for word, as it was last reviewed: nine droplets in memory.

They run no agents, so ``status`` shows a cluster that is not healthy.
"""

import re

import pytest

from tests.helpers.cli import CliHarness
from tests.helpers.snapshots import check_snapshot

pytestmark = pytest.mark.integration

FILE = "version: 1\ncluster: demo\n"
BEFORE = ("validate", "plan", "launch --dry-run")
AFTER = (
    "plan",
    "status",
    "images",
    "credentials",
    "launch --role nomad-client --count 4 --dry-run",
    "destroy --node demo-nomad-client-3 --dry-run",
    "destroy --dry-run",
    "gc",
)
CHANGING = (
    # Columns are as wide as their widest entry.
    (r"(?<=\S) {2,}", "  "),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\b127\.64\.\d+\.\d+", "PUBLIC"),
    (r"\b10\.100\.0\.\d+(?![\d/])", "PRIVATE"),
    (r"^\d{6,}", "ID"),
    (r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?", "DATE"),
    (r"(?<=DATE {2})\d+$", "DAYS"),
    (r"-[0-9a-f]{8}$", "-LAUNCH"),
    (r":launch:[0-9a-f]{8}$", ":launch:LAUNCH"),
    (r":ca:[0-9a-f]{16}$", ":ca:FINGERPRINT"),
    (r":config:[0-9a-f]{16}$", ":config:DIGEST"),
    (r"in /.*/(?=\.bakery/)", "in FOLDER/"),
)
"""What differs from run to run, and its replacement. Waves create several droplets at once, in any order."""


@pytest.fixture
def at(at: CliHarness) -> CliHarness:
    at.write(FILE)
    return at


def _printed(at: CliHarness, *arguments: str) -> str:
    ran = at(*arguments)
    text = f"$ bakery {' '.join(arguments)}\n{ran.out}"
    text += "".join(f"stderr: {line}\n" for line in ran.err.splitlines()) + f"exit code {ran.code}\n"
    for pattern, instead in CHANGING:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return re.sub(
        r"(^  - .*\n)+", lambda lines: "".join(sorted(lines[0].splitlines(keepends=True))), text, flags=re.M
    )


def test_the_output_of_a_first_day(at: CliHarness) -> None:
    before = [_printed(at, *line.split()) for line in BEFORE]
    check_snapshot("output/before-launch.txt", "\n".join(before))
    assert at("launch", "--wait", "active", "--yes").code == 0
    after = [_printed(at, *line.split()) for line in AFTER]
    check_snapshot("output/after-launch.txt", "\n".join(after))
