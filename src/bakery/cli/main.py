"""The one door out: runs the command, prints what went wrong, exits with the documented code."""


def main() -> None:
    """Entry point of the console script."""
    raise SystemExit(0)
