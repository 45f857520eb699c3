"""Files that a user asked for, at a place of the user's choice."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bakery.console import Reporter
from bakery.errors import BakeryError, UsageError

GIT_SECONDS = 10.0


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the system says against writing ``path`` into an error for people.

    Raises:
        UsageError: with the system's words.
    """
    try:
        yield
    except OSError as error:
        message = f"cannot write {path}"
        raise UsageError(message=message, details=error.strerror, hint="name another place with -o") from error


def refuse_existing(path: Path, *, force: bool) -> None:
    """Never over a file that is there, unless told.

    Raises:
        UsageError: it is there.
    """
    if path.exists() and not force:
        message = f"{path} exists"
        raise UsageError(message=message, hint="--force replaces it, -o FILE writes another")


def ensure_folder(path: Path) -> None:
    """Make ``path`` private if it is not there; a folder that is there stays as its owner wants it.

    Secrets will be in it. So an empty one gets a ``.gitignore`` of ``*``; where something of the user's is,
    that would hide it from git too.
    """
    from bakery.files import ensure_private_folder, write_atomically

    if not path.is_dir():
        ensure_private_folder(path)
    if next(path.iterdir(), None) is None:
        write_atomically(path / ".gitignore", b"*\n")


def warn_if_git_takes(file: Path, reporter: Reporter) -> None:
    """Warn if ``file`` is in a git repository that does not ignore it.

    Nothing is said without git, and where git refuses to look (in a repository of another user).
    """
    from bakery.proc import run

    # No program that the repository names is to run for this look.
    argv = ["git", "-c", "core.fsmonitor=false", "check-ignore", "--quiet", "--", file.name]
    try:
        # https://git-scm.com/docs/git-check-ignore: 0 ignored, 1 not ignored, 128 no repository
        taken = run(argv, cwd=file.parent, seconds=GIT_SECONDS, check=False).returncode == 1
    except BakeryError:
        return
    if taken:
        reporter.warn(f"git would take {file} into a commit, and it holds private keys: add it to .gitignore")
