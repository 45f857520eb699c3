"""Building from Go modules with the real Go: a module of three lines stands for consul."""

import threading
from pathlib import Path

import pytest

from bakery import proc
from bakery.errors import CommandError, MissingToolError, UsageError
from bakery.toolchain.find import find_tool
from bakery.toolchain.model import Origin, Places, Tool, ToolName
from bakery.toolchain.source import build_tool
from tests.helpers.tools import require_tool

pytestmark = pytest.mark.integration

PROGRAM = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("Consul v9.9.9") }\n'
WRAPPER = """module toolchain/consul

go RELEASE

tool github.com/hashicorp/consul

require github.com/hashicorp/consul v9.9.9+incompatible

replace github.com/hashicorp/consul => ../program
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """Wrapper modules in which consul's own module is replaced by a folder: nothing is downloaded."""
    go = require_tool("go")
    release = proc.run([go, "env", "GOVERSION"]).stdout.strip().removeprefix("go")
    files = {
        "program/go.mod": f"module github.com/hashicorp/consul\n\ngo {release}\n",
        "program/main.go": PROGRAM,
        "consul/go.mod": WRAPPER.replace("RELEASE", release),
        "consul/go.sum": "",
    }
    for name, content in files.items():
        path = tmp_path / "modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "modules"


def build(modules: Path, tmp_path: Path) -> Tool:
    return build_tool(ToolName.CONSUL, cache=tmp_path / "cache", modules=modules)


def test_what_is_built_is_found_and_is_not_built_again(modules: Path, tmp_path: Path) -> None:
    tool = build(modules, tmp_path)
    assert (tool.version, tool.origin) == ("9.9.9+incompatible", Origin.SOURCE)
    assert proc.run([tool.path, "version"]).stdout == "Consul v9.9.9\n"
    made = tool.path.stat()
    assert build(modules, tmp_path) == tool
    assert (tool.path.stat().st_ino, tool.path.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    places = Places(cache=tmp_path / "cache", releases_url="http://127.0.0.1:9")
    assert find_tool(ToolName.CONSUL, tool.version, places=places) == tool


def test_another_go_sum_is_another_program(modules: Path, tmp_path: Path) -> None:
    first = build(modules, tmp_path)
    (modules / "consul" / "go.sum").write_text("\n")
    assert build(modules, tmp_path).path != first.path


def test_builds_at_the_same_time_end_in_one_program(modules: Path, tmp_path: Path) -> None:
    built: list[Tool] = []
    threads = [threading.Thread(target=lambda: built.append(build(modules, tmp_path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 3
    assert len(set(built)) == 1
    assert len([path for path in (tmp_path / "cache" / "consul").iterdir() if path.is_dir()]) == 1


def test_a_program_that_does_not_compile_leaves_nothing(modules: Path, tmp_path: Path) -> None:
    (modules / "program" / "main.go").write_text(PROGRAM.replace("fmt.Println", "fmt.Nothing"))
    with pytest.raises(CommandError) as caught:
        build(modules, tmp_path)
    assert "undefined: fmt.Nothing" in str(caught.value.details)
    assert [path for path in (tmp_path / "cache" / "consul").iterdir() if path.is_dir()] == []


def test_without_go_the_error_says_how_to_get_it(
    modules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError) as caught:
        build(modules, tmp_path)
    assert caught.value.message == "go is not installed"
    assert str(caught.value.hint).startswith("apt-get install -y golang-go")


def test_outside_a_checkout_nothing_can_be_built(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="consul can only be built in a checkout of bakery"):
        build(tmp_path / "absent", tmp_path)
