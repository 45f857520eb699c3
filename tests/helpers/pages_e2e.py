"""The pages that ``bakery ui`` and ``bakery dashboard`` serve for the shared cluster."""

import json
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bakery.errors import ExitCode
from bakery.proc import start
from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import BAKERY, EMULATOR, PATIENCE, Cluster


@contextmanager
def opened_pages(cluster: Cluster, *words: str) -> Iterator[Mapping[str, str]]:
    """Run ``bakery WORDS`` until the block ends, then press Ctrl-C; yield the URLs by name."""
    environment = {"BAKERY_EMULATOR": EMULATOR, "BAKERY_CLUSTER_FILE": str(cluster.work / "bakery.yaml")}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        argv: list[str | Path] = [BAKERY, *words, "--local", "--no-open", "--json"]
        process = start(argv, env=environment, output=output)

        def found() -> dict[str, str] | Pending:
            text = output.read_text(encoding="utf-8")
            assert process.poll() is None, text
            if "Ctrl-C ends it" not in text:
                return Pending(text or "it prints nothing")
            answer = json.loads(text[text.index("{") : text.rindex("}") + 1])
            return {page["name"]: page["url"] for page in answer["pages"]}

        try:
            yield wait_until(found, what=f"the pages of bakery {words[0]}", seconds=PATIENCE, every=0.2)
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == ExitCode.INTERRUPTED, output.read_text(encoding="utf-8")
        finally:
            process.kill()
            process.wait()
