"""Writes every answer of the API into a file, so that it can be checked later."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import IO

from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.api.api_response import ApiResponse

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


class Recording:
    """A recording of answers, once it is started."""

    def __init__(self) -> None:
        self._file: IO[str] | None = None

    def start(self, path: str) -> None:
        """Write one JSON line per answer from now on, into a new file that only its owner can read.

        Raises:
            Unprocessable: the path is not absolute, or the file exists.
        """
        if not Path(path).is_absolute():
            message = "file must be an absolute path"
            raise Unprocessable(message)
        try:
            descriptor = os.open(path, _NEW_FILE, 0o600)
        except (OSError, ValueError) as error:
            message = f"file cannot be made: {error}"
            raise Unprocessable(message) from None
        self.stop()
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")

    def stop(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __call__(self, response: ApiResponse) -> None:
        """Write the answer, if the recording is started."""
        if self._file is None:
            return
        line = asdict(response) | {"body": response.body.decode(errors="replace")}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
