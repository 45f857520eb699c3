"""A reader's shell: it runs the steps of a page, one after another."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from bakery.proc import Completed, run
from bakery.wait import Pending, wait_until
from tests.helpers.console_blocks import Setup, Shown

# The words after the text run it, then write the shell's variables and folder into two files.
_KEEPING = 'set -a; eval "$1"; env --null >"$2/env"; pwd >"$2/folder"'


class PageShell:
    """A folder and variables, which the ``sh`` blocks of a page change."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], *, secrets: Iterable[str] = (), seconds: float
    ) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self._secrets = tuple(secrets)
        self._seconds = seconds

    def take(self, step: Setup | Shown) -> None:
        """Run a step; one with promised lines is repeated until it prints them.

        Raises:
            CommandError: a command without promised lines failed.
            DeadlineError: a promised line was never printed; details hold the last output.
        """
        if isinstance(step, Setup):
            self._set_up(step.text)
        elif step.lines:
            self._await_lines(step)
        else:
            self._run(step.command, check=True)

    def _await_lines(self, shown: Shown) -> None:
        def printed() -> bool | Pending:
            done = self._run(shown.command, check=False)
            missing = shown.missing_in(done.stdout)
            return True if missing is None else Pending(f"no line {missing!r} in: {done.stdout}{done.stderr}")

        wait_until(printed, what=f"the output of {shown.command}", seconds=self._seconds)

    def _set_up(self, text: str) -> None:
        with tempfile.TemporaryDirectory() as kept:
            self._run(_KEEPING, text, kept, check=True)
            pairs = (Path(kept) / "env").read_bytes().decode().split("\0")
            self.folder = Path((Path(kept) / "folder").read_text(encoding="utf-8").strip())
        self.environment = dict(pair.split("=", 1) for pair in pairs if pair)

    def _run(self, script: str, *arguments: str, check: bool) -> Completed:
        words = ["bash", "-euo", "pipefail", "-c", script, "page", *arguments]
        return run(
            words,
            env=self.environment,
            cwd=self.folder,
            seconds=self._seconds,
            check=check,
            secrets=self._secrets,
        )


def with_programs(environment: Mapping[str, str], *folders: Path | str) -> dict[str, str]:
    """Return the variables with these folders in front of PATH."""
    return {**environment, "PATH": ":".join([*map(str, folders), os.environ["PATH"]])}
