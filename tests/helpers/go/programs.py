"""Programs of others that drive the emulator, built from the modules beside this file into the user's cache."""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import platformdirs

from bakery.errors import CommandError
from bakery.proc import run
from tests.helpers.tools import absent, require_tool

MODULES = Path(__file__).parent
CACHE = Path(platformdirs.user_cache_dir("bakery")) / "clients"
BUILD_S = 3600
# What the user told Go about proxies, checksums and folders.
_SETTINGS = (
    "GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOPRIVATE", "GONOSUMDB", "GOSUMDB", "GOTOOLCHAIN",
    "XDG_CACHE_HOME",
)  # fmt: skip


def go_environment() -> dict[str, str]:
    """The user's own settings of Go, and a build without C that changes no go.mod."""
    settings = {name: os.environ[name] for name in _SETTINGS if name in os.environ}
    return settings | {"GOFLAGS": "-mod=readonly -buildvcs=false", "CGO_ENABLED": "0"}


def build_client(name: str) -> Path:
    """The tool of the module ``name``, built unless the cache holds it for the same go.mod and go.sum.

    Skips where Go or one of the modules cannot be had.
    """
    module = MODULES / name
    program = CACHE / f"{name}-{_key(module)}" / name
    if not program.is_file():
        _build(module, program)
    return program


def _build(module: Path, program: Path) -> None:
    go = require_tool("go")
    _fetch(go, module)
    CACHE.mkdir(parents=True, exist_ok=True)
    flags = ["-p", "2", "-trimpath", "-ldflags", "-s -w"]
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        run([go, "build", *flags, "-o", f"{folder}/", "tool"], env=go_environment(), cwd=module, seconds=BUILD_S)
        program.parent.mkdir(exist_ok=True)
        for built in Path(folder).iterdir():  # a module may have several tools
            built.rename(program.parent / built.name)


def _fetch(go: Path, module: Path) -> None:
    """Loading all packages brings every module that the build needs, and no other."""
    try:
        run([go, "list", "-deps", "tool"], env=go_environment(), cwd=module, seconds=BUILD_S)
    except CommandError as error:
        reason = str(error.details or error)
        if "SECURITY ERROR" in reason:
            raise
        absent(f"the Go modules of {module.name} cannot be had: {reason.splitlines()[-1]}")


def _key(module: Path) -> str:
    parts = [(module / name).read_bytes() for name in ("go.mod", "go.sum")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(build_client(name))  # noqa: T201 - the answer
