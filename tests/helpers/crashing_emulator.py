"""The emulator's own process, which sends itself a signal when its record gets its Nth line.

python crashing_emulator.py FOLDER N SIGNAL
"""

import os
import sys
from pathlib import Path

from bakery.emulator.daemon.folder import EmulatorDir
from bakery.emulator.daemon.serve import serve
from bakery.emulator.host.record import HostResource, ResourceRecord

_append = ResourceRecord._append
lines = 0


def append_and_die(record: ResourceRecord, event: str, resource: HostResource) -> None:
    global lines  # noqa: PLW0603 - the one number of this program
    _append(record, event, resource)
    lines += 1
    if lines == int(sys.argv[2]):
        os.kill(os.getpid(), int(sys.argv[3]))


ResourceRecord._append = append_and_die  # type: ignore[method-assign,assignment]
serve(EmulatorDir(folder=Path(sys.argv[1])))
