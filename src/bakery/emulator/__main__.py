"""``python -m bakery.emulator FOLDER [--resume]``: the process that ``bakery emulator up`` starts."""

import sys
from pathlib import Path

from bakery.emulator.daemon.folder import EmulatorDir
from bakery.emulator.daemon.serve import serve
from bakery.errors import BakeryError


def main() -> int:
    """Serve until a signal to stop; return the exit code."""
    try:
        serve(EmulatorDir(folder=Path(sys.argv[1])), resume="--resume" in sys.argv[2:])
    except BakeryError as error:
        sys.stderr.write(
            "\n".join(str(text) for text in (error.message, error.details, error.hint) if text) + "\n"
        )
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
