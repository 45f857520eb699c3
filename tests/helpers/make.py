"""The Makefile as a program, and its tour."""

from pathlib import Path

from bakery.proc import Completed, run

CHECKOUT = Path(__file__).parents[2]
# Nothing of make's own, nor of the user's, and the environment is taken as it is.
MAKE = ["make", "--no-print-directory", "-C", str(CHECKOUT), "-o", ".venv/.ready"]


def run_tour(folder: Path, **more: str) -> Completed:
    """Run ``make tour`` with ``folder`` as the user's home and temporary folder."""
    environment = {"HOME": str(folder), "TMPDIR": str(folder), **more}
    return run([*MAKE, "tour"], env=environment, seconds=120, check=False)


def check_tour(folder: Path) -> None:
    """The tour comes to its end and leaves nothing behind."""
    done = run_tour(folder)
    assert done.returncode == 0, done.stderr
    assert "tour is active: 9 droplets, 9 new" in done.stderr
    assert "cluster tour is destroyed" in done.stderr
    assert "They never boot" in done.stdout
    assert list(folder.glob("bakery-tour.*")) == []
    assert [file for file in folder.rglob("*") if "emulator" in file.name] == []
