"""docs/security.md names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"


def test_every_promise_names_a_test_that_exists() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 14
    for row in rows:
        files = re.findall(r"`((?:tests|packer)/[\w/.]+)`", row)
        assert files, row
        text = "\n".join((ROOT / file).read_text(encoding="utf-8") for file in files)
        tests = re.findall(r"`(test_\w+)`", row)
        assert tests, row
        assert [name for name in tests if f"def {name}(" not in text] == []
