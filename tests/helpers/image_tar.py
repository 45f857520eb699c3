"""A container image as a file, made without docker: one static program from a Debian package."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bakery.proc import run

DEBIAN_SECONDS = 120.0


def fetch_busybox(folder: Path) -> bytes:
    """Debian's statically linked busybox, taken out of its package; nothing is installed."""
    run(["apt-get", "download", "--quiet=2", "busybox-static"], cwd=folder, seconds=DEBIAN_SECONDS)
    (package,) = folder.glob("busybox-static_*.deb")
    run(["dpkg-deb", "--extract", package, folder / "unpacked"])
    (program,) = (path for path in folder.glob("unpacked/**/busybox") if path.is_file() and "bin" in path.parts)
    return program.read_bytes()


def image_tar(name: str, files: Mapping[str, bytes], *, command: Sequence[str]) -> bytes:
    """What ``docker load`` reads (moby, image/spec/v1.2.md, "Combined Image JSON + Filesystem Changeset Format").

    ``files`` are by absolute path; all may be executed.
    """
    layer = tar_of({path.lstrip("/"): content for path, content in files.items()})
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": list(command)},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
    )
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}])
    return tar_of({"layer.tar": layer, "config.json": config.encode(), "manifest.json": manifest.encode()})


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of the files, by relative path; all may be executed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = 0o755
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
