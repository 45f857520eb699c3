"""Files that a user asked for, in a folder of the user's choice."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bakery.console import Reporter
from bakery.errors import BakeryError, UsageError

if TYPE_CHECKING:
    from bakery.config.paths import StatePaths

GIT_SECONDS = 10.0


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn an OSError while ``path`` is written into a UsageError.

    Raises:
        UsageError: the details are the message of the operating system.
    """
    try:
        yield
    except OSError as error:
        message = f"cannot write {path}"
        raise UsageError(message=message, details=error.strerror, hint="name another place with -o") from error


def refuse_existing(path: Path, *, force: bool) -> None:
    """Check that ``path`` may be written: it does not exist, or ``force`` is set.

    Raises:
        UsageError: it exists.
    """
    if path.exists() and not force:
        message = f"{path} exists"
        raise UsageError(message=message, hint="--force replaces it, -o FILE writes another")


def ensure_folder(path: Path) -> None:
    """Create the folder ``path`` with mode 0700; the mode of an existing folder is not changed.

    An empty folder gets a ``.gitignore`` of ``*``, because secrets will be written into it. A folder with other
    files does not, because git would then ignore these too.
    """
    from bakery.files import ensure_private_folder, write_atomically

    if not path.is_dir():
        ensure_private_folder(path)
    if next(path.iterdir(), None) is None:
        write_atomically(path / ".gitignore", b"*\n")


def warn_if_git_takes(file: Path, reporter: Reporter) -> None:
    """Warn if the file is in a git repository that does not ignore it.

    No warning without git, or if git refuses to look (in a repository of another user).
    """
    if _not_ignored(file.parent, [file]):
        reporter.warn(f"git does not ignore {file}, which holds private keys: add it to .gitignore")


_STATE = (
    "bundle.json", "roles/*.json", "*-key.pem", "*.p12", "issued/*/*-key.pem", "issued/*/*-token",
    ".*.tmp", "roles/.*.tmp", "issued/*/.*.tmp",
)  # fmt: skip
"""Files of a state folder that hold keys or tokens; a command that was killed leaves a temporary one."""


def warn_if_git_takes_state(paths: "StatePaths", reporter: Reporter) -> None:
    """Warn if git takes keys or tokens of the state folder, because the user changed the ``.gitignore``."""
    if not paths.folder.is_dir():  # a launch that found no folder there says so itself
        return
    files = [file for pattern in _STATE for file in sorted(paths.folder.glob(pattern))]
    for file in _not_ignored(paths.folder, files)[:1]:
        reporter.warn(f"git does not ignore {file}, which holds private keys: write * into {paths.gitignore}")


def _not_ignored(folder: Path, files: Sequence[Path]) -> list[Path]:
    """Return those of ``files``, which are below ``folder``, that git would take. Empty if git does not say."""
    from bakery.proc import run

    if not files:
        return []
    names = {str(file.relative_to(folder)): file for file in files}
    # core.fsmonitor may name a program of the repository, which must not run.
    argv = ["git", "-c", "core.fsmonitor=false", "check-ignore", "-z", "--stdin"]
    try:
        # https://git-scm.com/docs/git-check-ignore: 0 some are ignored, 1 none is, 128 no repository
        done = run(
            argv, cwd=folder, seconds=GIT_SECONDS, check=False, stdin="".join(f"{name}\0" for name in names)
        )
    except BakeryError:
        return []
    ignored = done.stdout.split("\0")
    return [file for name, file in names.items() if name not in ignored] if done.returncode in (0, 1) else []
