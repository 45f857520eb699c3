"""A headless Chromium, driven over a pipe with its DevTools protocol (chromedevtools.github.io/devtools-protocol).

``--remote-debugging-pipe`` reads commands from file descriptor 3 and writes answers to 4: JSON documents, each of
which ends with a zero byte (content/browser/devtools/devtools_pipe_handler.cc).
"""

import base64
import json
import os
import shutil
import signal
import subprocess  # noqa: TID251 - two pipes are handed over
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bakery.wait import Pending, wait_until

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
SECONDS = 30.0
_FLAGS = (
    "--headless", "--no-sandbox",  # the sandbox refuses root
    "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--remote-debugging-pipe", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--force-color-profile=srgb", "--font-render-hinting=none",
)  # fmt: skip


def find_chromium() -> str | None:
    """The program, if this machine has one."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Page:
    """One tab."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._number = 0
        self._session: str | None = None
        self._rest = b""
        self.requested: list[str] = []
        """URLs of all requests."""
        self.complaints: list[str] = []
        """Exceptions of scripts, and what the browser refused."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> Any:  # noqa: ANN401 - JSON
        """Send a command and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._note(answer)

    def view(self, *, width: int, height: int, dark: bool = False, scale: float = 1) -> None:
        """Be a screen of that size, in pixels of the page; ``dark`` is what the user prefers."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 500,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.send("Emulation.setEmulatedMedia", features=[scheme, still])

    def goto(self, url: str) -> None:
        """Open the page."""
        failed = self.send("Page.navigate", url=url).get("errorText")
        assert failed is None, f"{url}: {failed}"

    def run(self, script: str) -> Any:  # noqa: ANN401 - JSON
        """The value of a JavaScript expression, or what its promise resolves to."""
        result = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, script: str, *, seconds: float = SECONDS) -> Any:  # noqa: ANN401 - JSON
        """Wait until the expression is true, and return it."""

        def look() -> Any:  # noqa: ANN401 - JSON
            found = self.run(script)
            return found or Pending(f"{script} in: {self.text()[:2000]} {self.complaints}")

        return wait_until(look, what=f"the page to fulfil {script}", seconds=seconds, every=0.1)

    def wait_for_text(self, text: str, *, seconds: float = SECONDS) -> None:
        """Wait until the page shows the text."""
        self.wait_for(f"document.body && document.body.innerText.includes({json.dumps(text)})", seconds=seconds)

    def pause(self, seconds: float) -> None:
        """Let the page alone for a moment."""
        self.run(f"new Promise(done => setTimeout(done, {seconds * 1000:.0f}))")

    def text(self) -> str:
        """All text of the page."""
        return str(self.run("document.body ? document.body.innerText : ''"))

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        """Write the page as PNG: what is on the screen, or the ``whole`` of it."""
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(shot["data"]))

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            data = os.read(self._reading, 1 << 20)
            assert data, "Chromium has ended"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def _note(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            self.requested.append(parameters["request"]["url"])
        elif event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"]))
        elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.complaints.append(parameters["entry"]["text"])


@contextmanager
def chromium(*, width: int = 1280, height: int = 800) -> Iterator[Page]:
    """Run Chromium with one empty page of that size."""
    program = find_chromium()
    assert program is not None, "no Chromium: apt-get install chromium-headless-shell"
    commands, write_command = os.pipe()
    read_answer, answers = os.pipe()
    with tempfile.TemporaryDirectory(prefix="bakery-chromium-", ignore_cleanup_errors=True) as profile:
        handed = f'exec "$@" 3<&{commands} 4>&{answers}'
        words = ["bash", "-c", handed, "chromium", program, *_FLAGS, f"--user-data-dir={profile}"]
        process = subprocess.Popen(
            words,
            pass_fds=(commands, answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(commands)
        os.close(answers)
        try:
            page = Page(read_answer, write_command)
            page.view(width=width, height=height)
            yield page
        finally:
            os.close(write_command)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            os.close(read_answer)
