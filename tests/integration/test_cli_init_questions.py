"""``bakery init`` on a terminal of 80 columns: what it asks, what it writes, and when it asks nothing."""

import io

import pexpect
import pytest

from bakery.config.load import load_cluster
from tests.helpers.cli import BAKERY, CliHarness

pytestmark = pytest.mark.integration

QUESTIONS = (
    "name of the cluster [work]: ",
    "region [fra1]: ",
    "full or small [full]: ",
    "number of Consul servers [3]: ",
    "their size [s-1vcpu-1gb]: ",
    "number of Nomad servers [3]: ",
    "their size [s-1vcpu-1gb]: ",
    "number of Nomad clients [3]: ",
    "their size [s-2vcpu-2gb]: ",
    "networks [auto]: ",
)


@pytest.fixture
def at(at: CliHarness) -> CliHarness:
    (at.folder / "bakery.yaml").unlink()
    return at


def _init(*options: str) -> "pexpect.spawn[str]":
    return pexpect.spawn(str(BAKERY), ["init", *options], encoding="utf-8", timeout=30, dimensions=(24, 80))


def _take(child: "pexpect.spawn[str]", *answers: tuple[str, str]) -> None:
    for question, answer in answers:
        child.expect_exact(question)
        child.sendline(answer)


def _end(child: "pexpect.spawn[str]") -> tuple[int, str]:
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, str(child.before)


def test_enter_all_the_way_writes_the_file_of_a_script(at: CliHarness) -> None:
    """Without a token: the prices are list prices. $90 are six of $6 and three of $18."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DIGITALOCEAN_TOKEN", "DIGITALOCEAN_API_URL"):
            patch.delenv(name)
        child = _init()
        shown = io.StringIO()
        child.logfile_read = shown
        _take(child, *((question, "") for question in QUESTIONS))
        code, last = _end(child)
    assert code == 0
    assert [line for line in shown.getvalue().splitlines() if len(line) > 80] == []
    assert "9 droplets, $90.00 a month" in last
    assert "next: bakery plan, bakery build-image, bakery launch" in last
    assert at("init", "-f", "script.yaml").code == 0
    assert (at.folder / "bakery.yaml").read_bytes() == (at.folder / "script.yaml").read_bytes()


def test_answers_are_written_and_wrong_ones_are_asked_again(at: CliHarness) -> None:
    """With a token regions and sizes are those of the account, so a slug that it has not is refused."""
    child = _init()
    _take(child, (QUESTIONS[0], "My Shop"))
    child.expect_exact("'My Shop' is not a name: lower-case letters, digits and hyphens")
    _take(child, (QUESTIONS[0], "shop"), (QUESTIONS[1], "fra9"))
    child.expect_exact("there is no region 'fra9'; did you mean fra1?")
    _take(child, (QUESTIONS[1], "ams3"), (QUESTIONS[2], "large"))
    child.expect_exact("'large' is not full or small")
    _take(child, (QUESTIONS[2], "full"))
    child.expect_exact("(of the account): s-1vcpu-512mb-10gb $4")
    _take(child, (QUESTIONS[3], "0"))
    child.expect_exact("'0' is not a whole number from 1 to 100")
    _take(child, (QUESTIONS[3], "2"), (QUESTIONS[4], "s-1vcpu-9gb"))
    child.expect_exact("there is no size 's-1vcpu-9gb'; did you mean s-1vcpu-2gb?")
    _take(child, (QUESTIONS[4], "s-1vcpu-2gb"), (QUESTIONS[5], "1"), (QUESTIONS[6], ""))
    _take(child, (QUESTIONS[7], "5"), (QUESTIONS[8], "s-4vcpu-8gb"), (QUESTIONS[9], "0.0.0.0/0"))
    child.expect_exact("0.0.0.0/0: 0.0.0.0/0 would open the APIs to everyone")
    _take(child, (QUESTIONS[9], "203.0.113.7/32, auto"))
    code, last = _end(child)
    assert code == 0
    assert "8 droplets, $270.00 a month" in last, "2 of $12, 1 of $6, 5 of $48"
    assert "2 Consul servers" in last, "the warning of the file"
    config = load_cluster(at.folder / "bakery.yaml")
    assert [(role.name, role.count, role.size) for role in config.roles] == [
        ("consul-server", 2, "s-1vcpu-2gb"),
        ("nomad-server", 1, "s-1vcpu-1gb"),
        ("nomad-client", 5, "s-4vcpu-8gb"),
    ]
    assert config.access.admin_cidrs == ("203.0.113.7/32", "auto")
    text = (at.folder / "bakery.yaml").read_text(encoding="utf-8")
    assert "this file contains all defaults but the roles and access." in text


def test_without_a_token_a_size_has_its_shape_and_is_said_to_be_unchecked(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DIGITALOCEAN_TOKEN", "DIGITALOCEAN_API_URL"):
        monkeypatch.delenv(name)
    child = _init()
    _take(child, (QUESTIONS[0], ""), (QUESTIONS[1], "fra9"))
    child.expect_exact("without a token, bakery cannot check the region fra9; it knows others;")
    _take(child, (QUESTIONS[2], ""), (QUESTIONS[3], ""), (QUESTIONS[4], "large"))
    child.expect_exact("there is no size 'large'")
    _take(child, (QUESTIONS[4], "s-1vcpu-9gb"))
    child.expect(
        r"without a token, bakery cannot check the size s-1vcpu-9gb; it knows others; did\s+you mean s-1vcpu"
    )
    _take(child, (QUESTIONS[5], ""), (QUESTIONS[6], "s-1vcpu-2gb"))
    child.expect_exact(QUESTIONS[7])
    assert "cannot check" not in child.before, "control: bakery knows it"
    child.sendline("")
    _take(child, (QUESTIONS[8], "gpu-h100x1-80gb"), (QUESTIONS[9], ""))
    code, last = _end(child)
    assert code == 0
    assert "the price of a size is not known here" in last
    assert "{count: 3, size: s-1vcpu-9gb}" in (at.folder / "bakery.yaml").read_text(encoding="utf-8")


def test_a_small_cluster_asks_for_one_role(at: CliHarness) -> None:
    child = _init()
    _take(child, (QUESTIONS[0], ""), (QUESTIONS[1], ""), (QUESTIONS[2], "small"))
    _take(child, ("number of droplets [1]: ", ""), ("their size [s-2vcpu-2gb]: ", ""), (QUESTIONS[9], ""))
    assert _end(child)[0] == 0
    assert at("init", "--small", "-f", "script.yaml").code == 0
    assert (at.folder / "bakery.yaml").read_bytes() == (at.folder / "script.yaml").read_bytes()


@pytest.mark.parametrize("answered", [0, len(QUESTIONS) - 1])
def test_ctrl_c_writes_nothing(at: CliHarness, answered: int) -> None:
    child = _init()
    _take(child, *((question, "") for question in QUESTIONS[:answered]))
    child.expect_exact(QUESTIONS[answered])
    child.sendintr()
    code, last = _end(child)
    assert code == 130
    assert "interrupted; nothing was changed" in last
    assert list(at.folder.iterdir()) == []


@pytest.mark.parametrize("options", [("--yes",), ("--region", "ams3"), ("--json",)])
def test_with_options_nothing_is_asked(at: CliHarness, options: tuple[str, ...]) -> None:
    code, shown = _end(_init(*options))
    assert code == 0
    assert "]: " not in shown
    assert (at.folder / "bakery.yaml").exists()
