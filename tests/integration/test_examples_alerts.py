"""``examples/alerts.yml`` against Debian's promtool: its test has a healthy cluster and one with every fault."""

import re
import shutil
from pathlib import Path

import pytest

from bakery.proc import Completed, run
from tests.helpers.prometheus import fetch_prometheus

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[2] / "examples"
RULES = "alerts.yml"


@pytest.fixture(scope="module")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("apt-get") is None:
        pytest.skip("promtool is taken from a Debian package, and apt-get is not installed")
    return fetch_prometheus(tmp_path_factory.mktemp("prometheus")) / "promtool"


def run_test(promtool: Path, folder: Path) -> Completed:
    return run([promtool, "test", "rules", "alerts_test.yml"], cwd=folder, check=False)


def test_the_rules_are_valid_and_do_what_their_test_expects(promtool: Path) -> None:
    names = re.findall(r"- alert: (\w+)", (EXAMPLES / RULES).read_text())
    assert f"SUCCESS: {len(names)} rules found" in run([promtool, "check", "rules", RULES], cwd=EXAMPLES).stdout
    done = run_test(promtool, EXAMPLES)
    assert done.returncode == 0, done.stdout + done.stderr
    expected = (EXAMPLES / "alerts_test.yml").read_text()
    assert {name: expected.count(f"alertname: {name}") for name in names} == dict.fromkeys(names, 2)


def test_alerts_that_never_fire_fail_their_test(promtool: Path, tmp_path: Path) -> None:
    """Control: every alert is about a value that never is."""
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    text = (EXAMPLES / RULES).read_text()
    never = re.sub(r"(\n +expr:).*?(\n +(?:for|labels):)", r"\1 vector(0) > 1\2", text, flags=re.DOTALL)
    (tmp_path / RULES).write_text(never)
    failed = run_test(promtool, tmp_path)
    assert failed.returncode != 0
    for name in re.findall(r"- alert: (\w+)", text):
        assert f"alertname: {name}," in failed.stdout + failed.stderr
