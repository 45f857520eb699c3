"""Run Packer with its own plugin folder, the token only in its environment, and its messages as progress."""

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bakery import assets, proc
from bakery.bake.machine_readable import parse_event, ui_message
from bakery.bake.model import BakeRequest, Build, Tools
from bakery.console import Reporter
from bakery.errors import BakeError
from bakery.hints import Command, Hint

PLUGIN_SOURCE = "github.com/digitalocean/digitalocean"

_EXCERPT_LINES = 15


class Stream(Protocol):
    """Runs a program and calls ``on_line`` with each line of output, like :func:`bakery.proc.stream`."""

    def __call__(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        on_line: Callable[[str], None],
    ) -> int: ...


def build_environment(request: BakeRequest, build: Build, work: Path) -> dict[str, str]:
    """Return Packer's environment besides the allow-list. The user's own Packer configuration is not used."""
    return isolated(work) | {
        "PACKER_LOG": "1",
        "PACKER_LOG_PATH": str(build.log),
        "DIGITALOCEAN_TOKEN": request.token,
        # The plugin's paths begin with v2/ (godo).
        "DIGITALOCEAN_API_URL": request.endpoint.rstrip("/").removesuffix("/v2").rstrip("/") + "/",
    }


def isolated(work: Path) -> dict[str, str]:
    """Return an environment with Packer's folders below ``work``, no update check and no colour."""
    return {
        "HOME": str(work),
        "PACKER_CONFIG_DIR": str(work / "packer"),
        "PACKER_CACHE_DIR": str(work / "cache"),
        "PACKER_PLUGIN_PATH": str(work / "plugins"),
        "PACKER_NO_COLOR": "1",
        "CHECKPOINT_DISABLE": "1",
    }


def install_plugin(tools: Tools, work: Path, *, run: proc.Runner) -> None:
    """Install the plugin only for Packer runs in ``work``. Downloads nothing.

    Raises:
        CommandError: Packer or the plugin does not run.
    """
    argv: list[str | Path] = [tools.packer, "plugins", "install", "--path", tools.plugin, PLUGIN_SOURCE]
    run(argv, env=isolated(work), seconds=120)


def run_build(
    request: BakeRequest, build: Build, tools: Tools, variables: Path, *, stream: Stream, reporter: Reporter
) -> None:
    """Run ``packer build`` to its end.

    Raises:
        BakeError: Packer failed; the details are its last errors.
    """
    collector = OutputCollector(reporter, token=request.token)
    _make_private(build.log)
    argv: list[str | Path] = [tools.packer, "build", "-machine-readable", f"-var-file={variables}", assets.PACKER]
    environment = build_environment(request, build, variables.parent)
    code = stream(argv, env=environment, cwd=variables.parent, on_line=collector.on_line)
    if code != 0:
        message = f"packer could not bake {build.snapshot_name} (exit code {code})"
        hint = Hint(f"all of Packer's output is in {build.log}; to try again: ", Command("build-image"))
        raise BakeError(message=message, details=collector.error_excerpt() or None, hint=hint)


class OutputCollector:
    """Reports Packer's messages as progress, and collects the last lines for an error."""

    def __init__(self, reporter: Reporter, *, token: str) -> None:
        self._reporter = reporter
        self._token = token
        self._errors: deque[str] = deque(maxlen=_EXCERPT_LINES)
        self._lines: deque[str] = deque(maxlen=_EXCERPT_LINES)

    def on_line(self, line: str) -> None:
        """Take one line of output. A line that is not machine-readable is a message as it is."""
        line = proc.redact(line, [self._token])
        event = parse_event(line)
        shown = ui_message(event) if event else ("message", line.strip())
        if shown is None or not shown[1]:
            return
        kind, text = shown
        self._lines.append(text)
        if kind == "error":
            self._errors.append(text)
        elif kind == "say":
            self._reporter.phase(text)

    def error_excerpt(self) -> str:
        """Return Packer's errors without duplicates; without errors, its last messages."""
        return "\n".join(dict.fromkeys(self._errors or self._lines))


def _make_private(log: Path) -> None:
    os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
