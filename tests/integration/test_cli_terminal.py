"""Real processes: questions on a terminal, signals, a reader that goes away, completion, colour, imports."""

import os
import signal
import subprocess  # noqa: TID251 - signals and pipes are what is tested
import sys
from typing import IO, NoReturn

import pexpect
import pytest

from bakery.cloud import digitalocean
from bakery.errors import CloudError
from bakery.wait import Pending, wait_until
from tests.helpers.cli import BAKERY, SMALL, CliHarness

pytestmark = pytest.mark.integration

NAMES = ["demo-consul-server-1", "demo-nomad-client-1", "demo-nomad-client-2", "demo-nomad-server-1"]
HEAVY = ("pydantic", "requests", "cryptography", "rich", "yaml", "digitalocean", "jinja2", "starlette")
ESCAPE = "\x1b["


def _run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [BAKERY, *arguments],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _on_a_terminal(*arguments: str) -> "pexpect.spawn[str]":
    return pexpect.spawn(str(BAKERY), list(arguments), encoding="utf-8", timeout=30, dimensions=(40, 80))


def _ends(child: "pexpect.spawn[str]") -> int:
    child.expect(pexpect.EOF)
    child.close()
    code: int = child.exitstatus
    return code


def test_a_no_creates_nothing(at: CliHarness) -> None:
    child = _on_a_terminal("launch", "--wait", "active")
    child.expect("8 to create")
    child.expect(r"make these changes\? \[y/N\]: ")
    child.sendline("n")
    child.expect("the answer was no; nothing was changed\r\n")
    child.expect(pexpect.EOF)
    assert child.before == "", "whoever said no is not told to say yes"
    assert _ends(child) == 2
    assert at.changing() == []


def test_a_yes_creates_it(at: CliHarness) -> None:
    """Two servers and a client would take the pauses of the real API; the first wave is enough."""
    child = _on_a_terminal("launch", "--wait", "active", "--role", "consul-server")
    child.expect(r"make these changes\? \[y/N\]: ")
    child.sendline("y")
    child.expect("demo is active: 1 droplet, 1 new")
    assert _ends(child) == 0
    assert at.droplets() == ["demo-consul-server-1"]


def test_the_question_shows_every_changed_firewall_rule(launched: CliHarness) -> None:
    """At 80 columns, too: what the user agrees to is not cut."""
    child = _on_a_terminal("launch", "--wait", "active", "--admin-cidr", "203.0.113.0/24")
    child.expect(r"make these changes\? \[y/N\]: ")
    shown = " ".join((child.before or "").split())
    child.sendline("n")
    assert _ends(child) == 2
    for rule in ("adds tcp 8501 from 10.100.0.0/20, 203.0.113.0/24", "removes tcp 4646 from 10.100.0.0/20, "):
        assert rule in shown
    assert "…" not in shown.partition("its rules differ")[2]


def test_destroy_counts_what_it_deletes_and_what_that_saves(launched: CliHarness) -> None:
    """On a terminal the tags are one line; a pipe gets each of them."""
    child = _on_a_terminal("destroy")
    child.expect("type the cluster's name to destroy it: ")
    shown = child.before or ""
    child.sendline("n")
    assert _ends(child) == 2
    tags = [line for line in launched("destroy", "--dry-run").out.splitlines() if line.startswith("  - tag ")]
    assert f"tag      bakery:demo and {len(tags) - 1} more that begin with it (-v lists them)\r\n" in shown
    assert f"4 droplets, 3 firewalls, 1 vpc, {len(tags)} tags to delete; saves $24.00 a month\r\n" in shown
    assert shown.count("bakery:demo:") == 0


def test_a_destroy_without_the_right_to_read_prices_shows_none(
    launched: CliHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise CloudError(message="403")

    monkeypatch.setattr(digitalocean.DigitalOcean, "list_sizes", refuse)
    ran = launched("destroy", "--dry-run")
    assert ran.code == 0
    assert ran.out.splitlines()[-1].endswith(" tags to delete")


def test_the_cloud_stays_on_the_screen_of_a_watch(launched: CliHarness) -> None:
    """It is printed to stderr, and the screen is cleared by stdout, which has a buffer."""
    child = _on_a_terminal("status", "--watch")
    child.expect("4 nodes healthy")
    shown = child.before or ""
    child.sendintr()
    assert _ends(child) == 130
    assert 0 <= shown.index("\x1b[2J") < shown.index("on 127.0.0.1:")


def test_a_wrong_name_destroys_nothing(launched: CliHarness) -> None:
    child = _on_a_terminal("destroy")
    child.expect("demo-nomad-client-2")
    child.expect("type the cluster's name to destroy it: ")
    child.sendline("prod")
    child.expect("'prod' is not the cluster's name; nothing was destroyed")
    child.expect("help:.* type demo, or give --confirm demo")
    assert _ends(child) == 2
    assert launched.changing() == []
    assert launched.droplets() == NAMES


def test_the_right_name_destroys(launched: CliHarness) -> None:
    child = _on_a_terminal("destroy")
    child.expect("type the cluster's name to destroy it: ")
    child.sendline("demo")
    child.expect("cluster demo is destroyed")
    assert _ends(child) == 0
    assert launched.droplets() == []


def test_ctrl_c_at_a_question(launched: CliHarness) -> None:
    child = _on_a_terminal("destroy")
    child.expect("type the cluster's name to destroy it: ")
    child.sendintr()
    child.expect("interrupted; nothing was changed")
    assert _ends(child) == 130
    assert launched.changing() == []


def test_a_password_is_asked_twice_and_never_shown(launched: CliHarness) -> None:
    child = _on_a_terminal("browser-cert", "consul")
    child.expect("password of the file: ")
    child.sendline("canary-p12")
    child.expect("(?i)repeat for confirmation: ")
    child.sendline("canary-p12")
    child.expect("wrote .*/.bakery/demo/demo-consul.p12")
    assert "canary-p12" not in child.before
    assert _ends(child) == 0


def _started(at: CliHarness) -> "subprocess.Popen[str]":
    """A launch whose first create has arrived at the API, which takes two seconds to answer it."""
    fault = {"method": "POST", "path": "/v2/droplets", "delay_s": 2}
    assert at.api.post("/_emulator/faults", fault).status_code == 201
    process = subprocess.Popen(
        [BAKERY, "launch", "--yes", "--wait", "active"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    faults = at.api.emulator.faults
    wait_until(
        lambda: Pending("the create has not arrived") if faults.all() else True,
        what="the create to arrive",
        seconds=60,
        every=0.02,
    )
    return process


def _read_to(process: "subprocess.Popen[str]", text: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"it never said {text!r}")


def _rest(process: "subprocess.Popen[str]") -> str:
    stream: IO[str] | None = process.stderr
    assert stream is not None
    with stream:
        text = stream.read()
    process.wait(timeout=60)
    return text


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated"), (signal.SIGHUP, 143, "terminated")],
)
def test_a_signal_is_answered_at_once_and_the_same_command_goes_on(
    at: CliHarness, number: signal.Signals, code: int, word: str
) -> None:
    process = _started(at)
    process.send_signal(number)
    _read_to(process, "stopping in order; a second signal stops at once")
    posts = [path for method, path in at.changing() if (method, path) == ("POST", "/v2/droplets")]
    assert posts == [], "it was said while the create was still under way"
    rest = _rest(process)
    assert process.returncode == code
    assert f"error: {word}\n" in rest
    assert "Traceback" not in rest
    assert at("launch", "--yes", "--wait", "active").code == 0
    assert at.droplets() == NAMES


def test_the_second_signal_waits_for_nothing(at: CliHarness) -> None:
    process = _started(at)
    process.send_signal(signal.SIGINT)
    _read_to(process, "stopping")
    process.send_signal(signal.SIGINT)
    rest = _rest(process)
    assert process.returncode == 130
    assert "Traceback" not in rest
    posts = [path for method, path in at.changing() if (method, path) == ("POST", "/v2/droplets")]
    assert posts == [], "the create was still under way"


def test_an_ignored_interrupt_stays_ignored() -> None:
    """What a shell starts in the background must not die of the Ctrl-C in front."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from bakery.cli import signals; signals.install()\n"
        "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN, signal.getsignal(signal.SIGTERM).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "True _stop\n"


def test_a_reader_that_goes_away_is_no_error(at: CliHarness) -> None:
    for verb in ("plan --offline", "validate --schema", "--help"):
        line = f"set -o pipefail; {BAKERY} {verb} | (exec 0<&-; sleep 0.5)"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)
        assert done.stderr == "", verb


def test_no_colour_where_nobody_looks(at: CliHarness) -> None:
    at.write("version: 1\nclustre: demo\n")
    assert ESCAPE not in _run("plan").stderr
    seen = {}
    for name, arguments, variable in (
        ("terminal", (), None),
        ("flag", ("--no-color",), None),
        ("NO_COLOR", (), "NO_COLOR"),
    ):
        if variable:
            os.environ[variable] = "1"
        child = _on_a_terminal("plan", *arguments)
        child.expect(pexpect.EOF)
        seen[name] = ESCAPE in child.before
        os.environ.pop("NO_COLOR", None)
    assert seen == {"terminal": True, "flag": False, "NO_COLOR": False}


def test_closed_standard_input_is_no_terminal(at: CliHarness) -> None:
    line = f"{BAKERY} launch --wait active <&-"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-2] == "error: this needs an answer, and stdin or stderr is not a terminal"


def test_python_m_bakery_is_bakery(at: CliHarness) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bakery", "validate"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "bakery.yaml: valid\n")


@pytest.mark.parametrize("arguments", [("--help",), ("launch", "--help"), ("completion", "bash"), ("--version",)])
def test_help_and_completion_import_nothing_heavy(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys\n"
        "from bakery.cli.main import run\n"
        f"assert run({list(arguments)!r}) == 0\n"
        f"sys.stderr.write(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout != ""


def _imports(arguments: tuple[str, ...], line: str = "") -> tuple[int, int, list[str]]:
    """How many modules a command, or the completion of a line, imports: bakery's own, all, and those of HEAVY."""
    words = line.split()
    variables = {"_BAKERY_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    code = (
        "import sys\nbefore = set(sys.modules)\n"
        f"from bakery.cli.main import run\nassert run({list(arguments)!r}) == 0\n"
        "new = set(sys.modules) - before\n"
        f"heavy = [name for name in {HEAVY!r} if name in new]\n"
        "sys.stderr.write(f'{sum(name.startswith(\"bakery\") for name in new)} {len(new)} ' + ' '.join(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | (variables if line else {}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    own, every, *heavy = done.stderr.splitlines()[-1].split()
    return int(own), int(every), heavy


@pytest.mark.parametrize(
    ("arguments", "line"),
    [(("--help",), ""), (("status", "--help"), ""), ((), "bakery la"), ((), "bakery launch --wa")],
)
def test_help_and_completion_import_few_modules(arguments: tuple[str, ...], line: str) -> None:
    """The 150 ms of the page of benchmarks rest on this: 13 to 23 modules of bakery's, about 110 in all."""
    own, every, heavy = _imports(arguments, line)
    assert own <= 30
    assert every <= 160
    assert heavy == []


def test_the_completion_of_a_role_reads_the_file_and_nothing_heavier(at: CliHarness) -> None:
    assert _imports((), "bakery launch --role nomad")[2] == ["yaml"]
    assert _imports(("validate", "--quiet"))[1] > 160, "control of the number"


def test_validate_imports_nothing_for_requests_and_certificates(at: CliHarness) -> None:
    """They take as long as the rest of it. Control: a file with settings that a program checks needs requests."""
    assert {"requests", "cryptography"}.isdisjoint(_imports(("validate", "--quiet"))[2])
    at.write(SMALL.replace("{count: 2", "{nomad: {log_json: true}, count: 2"))
    assert "requests" in _imports(("validate", "--quiet"))[2]


def test_the_import_test_can_fail(at: CliHarness) -> None:
    """Control: a verb that reads the cluster file does load yaml."""
    code = "import sys\nfrom bakery.cli.main import run\nrun(['validate'])\nassert 'yaml' in sys.modules"
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)


def test_help_imports_no_other_verb() -> None:
    code = (
        "import sys\nfrom bakery.cli.main import run\nrun(['plan', '--help'])\n"
        "sys.stderr.write(' '.join(n for n in ('launch', 'destroy', 'emulator', 'plan')"
        " if f'bakery.cli.{n}' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == "plan"


def test_bash_completes_verbs_and_options() -> None:
    script = """\
eval "$(bakery completion bash)"
for line in "bakery la" "bakery launch --dry" "bakery access ref" "bakery launch --wait h" "bakery lunch --d"; do
  COMP_WORDS=($line); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
  _bakery_completion bakery
  echo "${COMPREPLY[@]}"
done
"""
    path = f"{BAKERY.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["launch", "--dry-run", "refresh", "healthy", ""], done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("shell", "words", "expected"), [("zsh", "bakery la", "launch"), ("fish", "bakery la", "launch")]
)
def test_zsh_and_fish_complete_too(shell: str, words: str, expected: str) -> None:
    assert "_BAKERY_COMPLETE" in _run("completion", shell).stdout
    answer = _run(
        _BAKERY_COMPLETE=f"{shell}_complete",
        COMP_WORDS=words if shell == "zsh" else "bakery",
        COMP_CWORD="1" if shell == "zsh" else "la",
    )
    assert answer.returncode == 0
    assert expected in answer.stdout
    assert "destroy" not in answer.stdout


def test_completing_a_verb_imports_no_verb() -> None:
    code = (
        "import os, sys\nfrom bakery.cli.main import run\n"
        "os.environ |= {'_BAKERY_COMPLETE': 'bash_complete', 'COMP_WORDS': 'bakery la', 'COMP_CWORD': '1'}\n"
        "run([])\n"
        "found = [name for name in ('launch', 'destroy', 'status') if f'bakery.cli.{name}' in sys.modules]\n"
        "sys.stderr.write(' '.join(found))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "launch" in done.stdout
    assert done.stderr == ""
