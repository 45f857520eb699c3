"""While one tool is compiled, the Go modules of the next are downloaded."""

import threading
from pathlib import Path
from typing import Any

import pytest

from bakery import proc
from bakery.console import Console
from bakery.errors import CommandError
from bakery.toolchain import __main__ as program
from bakery.toolchain import source
from bakery.toolchain.cache import publish
from bakery.toolchain.model import Origin, ToolName
from bakery.toolchain.source import RECIPES, build_key, download_modules

GO = "go1.26.8 linux amd64"
FIRST, SECOND, THIRD = ToolName.CNI, ToolName.PLUGIN, ToolName.PACKER


class FakeGo:
    """Says its version, and notes what else it is asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, argv: Any, **_: object) -> proc.Completed:  # noqa: ANN401 - a sequence of texts and paths
        words = [str(word) for word in argv[1:]]
        if words[0] != "env":
            self.asked.append(words)
        return proc.Completed(returncode=0, stdout=GO.replace(" ", "\n"), stderr="")


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(source, "_check_compilers", lambda *_: Path("go"))
    folder = tmp_path / "modules" / "nomad"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("require github.com/hashicorp/nomad v1.11.3\n")
    (folder / "go.sum").write_text("sums\n")
    return tmp_path / "modules"


def test_exactly_the_modules_of_the_build_are_downloaded(modules: Path, tmp_path: Path) -> None:
    go = FakeGo()
    download_modules(ToolName.NOMAD, cache=tmp_path, modules=modules, run=go)
    tags = ["-mod=readonly", "-tags", "netgo,osusergo,release,ui,codegen_generated"]
    assert go.asked == [["list", *tags, "-deps", "tool"]]
    assert set(tags) <= set(RECIPES[ToolName.NOMAD].flags("1.11.3"))


def test_nothing_is_downloaded_for_a_tool_that_is_built(modules: Path, tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "nomad").write_text("program")

    go, key = FakeGo(), build_key(ToolName.NOMAD, "1.11.3", sums=b"sums\n", go=GO)
    publish(tmp_path, ToolName.NOMAD, "1.11.3", key=key, origin=Origin.SOURCE, fill=fill)
    download_modules(ToolName.NOMAD, cache=tmp_path, modules=modules, run=go)
    assert go.asked == []


def test_the_next_modules_come_while_a_tool_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    come = {name: threading.Event() for name in ToolName}
    built: list[ToolName] = []

    def build(name: ToolName, **_: object) -> None:
        if name is FIRST:
            assert come[THIRD].wait(timeout=30), "the first is compiled until the modules of all others are here"
        built.append(name)

    monkeypatch.setattr(program, "build_tool", build)
    monkeypatch.setattr(program, "download_modules", lambda name, **_: come[name].set())
    assert program.main(["build", FIRST, SECOND, THIRD], Console(quiet=True)) == 0
    assert built == [FIRST, SECOND, THIRD]
    assert not come[FIRST].is_set(), "control: its own build downloads its modules"


def test_a_download_that_fails_is_left_to_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = threading.Event()

    def fail(name: ToolName, **_: object) -> None:
        tried.set()
        raise CommandError(message=f"no modules of {name}", command="go list", returncode=1)

    monkeypatch.setattr(program, "build_tool", lambda name, **_: tried.wait(timeout=30))
    monkeypatch.setattr(program, "download_modules", fail)
    assert program.main(["build", FIRST, SECOND], Console(quiet=True)) == 0
    assert tried.is_set()
