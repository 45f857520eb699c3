"""Packer in memory: does to a FakeCloud what the real one does to DigitalOcean, and can die at every step."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bakery import proc
from bakery.cloud.model import Image, Size
from tests.helpers.fake_cloud import FakeCloud, Killed

SIZE = Size(
    slug="s-1vcpu-1gb", memory=1024, disk=25, price_monthly=6.0, price_hourly=0.009, regions=("fra1",),
    available=True,
)  # fmt: skip
STEPS = ("start", "key", "key-logged", "droplet", "snapshot", "tags", "cleanup")
"""In Packer's order (packer-plugin-digitalocean 1.4.1, builder.go and its steps)."""


class BakeCloud(FakeCloud):
    """Images can be tagged here."""

    def tag_image(self, image_id: int, tag: str) -> None:
        def add() -> None:
            image = self.images[image_id]
            self.images[image_id] = replace(image, tags=(*image.tags, tag))

        self._do("tag_image", add, subject=tag, mutating=True)


def bake_cloud() -> BakeCloud:
    """An account that can bake in fra1."""
    return BakeCloud(sizes=(SIZE,))


@dataclass
class FakePacker:
    """Stands where :func:`bakery.proc.stream` stands. The fields say what goes wrong."""

    cloud: BakeCloud
    dies_at: str | None = None
    """Packer and bakery are killed together after this step."""
    interrupted_at: str | None = None
    """Ctrl-C after this step: Packer gets no chance either."""
    exit_code: int = 0
    lines: tuple[str, ...] = ()
    drops_tags: bool = False
    region: str = "fra1"
    snapshots: int = 1
    runs: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    argv: list[str] = field(default_factory=list)
    variables: dict[str, object] = field(default_factory=dict)
    variables_mode: int = 0

    def __call__(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        on_line: Callable[[str], None],
    ) -> int:
        self.runs += 1
        self.environment, self.argv = dict(env or {}), [str(word) for word in argv]
        file = next(Path(word.removeprefix("-var-file=")) for word in self.argv if word.startswith("-var-file="))
        self.variables, self.variables_mode = json.loads(file.read_text()), file.stat().st_mode & 0o777
        self._reached("start")
        for line in self.lines:
            on_line(line)
        self._build(self._word("snapshot_name"), Path(self.environment["PACKER_LOG_PATH"]))
        return self.exit_code

    def _build(self, name: str, log: Path) -> None:
        key = self.cloud.add_key(f"packer-{int(time.time()):08x}-aaaa-bbbb-cccc-{name.encode().hex()[-12:]}")
        self._reached("key")
        with log.open("a") as stream:
            stream.write(f"2026/11/24 packer-plugin: temporary ssh key name: {key.name}\n")
        self._reached("key-logged")
        droplet = self.cloud.add_droplet(name, tags=(self._word("build_tag"),))
        self._reached("droplet")
        images = [self._snapshot(name) for _ in range(self.snapshots if self.exit_code == 0 else 0)]
        self._reached("snapshot")
        if not self.drops_tags:
            for image in images:
                versions = f"{self._word('consul_version')}:{self._word('nomad_version')}".replace(".", "-")
                tags = (self._word("content_tag"), self._word("build_tag"), f"bakery:versions:{versions}")
                self.cloud.images[image.id] = replace(image, tags=tags)
        self._reached("tags")
        del self.cloud.droplets[droplet], self.cloud.ssh_keys[key.id]
        self._reached("cleanup")

    def _snapshot(self, name: str) -> Image:
        number = self.cloud.add_key("number").id
        del self.cloud.ssh_keys[number]
        image = Image(
            id=number, name=name, type="snapshot", status="available", regions=(self.region,), tags=(),
            min_disk_size=25, size_gigabytes=1.5, created_at=f"2026-11-24T12:00:{number % 60:02}Z",
        )  # fmt: skip
        self.cloud.images[number] = image
        return image

    def _word(self, name: str) -> str:
        value = self.variables[name]
        assert isinstance(value, str)
        return value

    def _reached(self, step: str) -> None:
        if self.dies_at == step:
            self.cloud.dead = True
            raise Killed
        if self.interrupted_at == step:
            raise KeyboardInterrupt


def plugin_installer(calls: list[list[str]]) -> proc.Runner:
    """Stands where :func:`bakery.proc.run` stands, and notes what it was asked to run."""

    def run(argv: Sequence[str | Path], **_: object) -> proc.Completed:
        calls.append([str(word) for word in argv])
        return proc.Completed(returncode=0, stdout="", stderr="")

    return run
