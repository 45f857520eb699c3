"""Rendered user-data as cloud-init would leave it: files by path."""

import base64
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bakery.render.model import UserData


@dataclass(frozen=True)
class File:
    owner: str
    permissions: str
    content: str


def files_of(user_data: UserData) -> dict[str, File]:
    """What cloud-init writes: each entry of write_files by its path, unpacked."""
    document = yaml.safe_load(user_data.text)
    return {
        entry["path"]: File(owner=entry["owner"], permissions=entry["permissions"], content=_content(entry))
        for entry in document["write_files"]
    }


def json_of(user_data: UserData, path: str) -> dict[str, Any]:
    """The JSON file at ``path``."""
    document: dict[str, Any] = json.loads(files_of(user_data)[path].content)
    return document


def write_below(root: Path, user_data: UserData) -> None:
    """Write all files below ``root``, with the paths inside them moved there too."""
    for path, file in files_of(user_data).items():
        target = root / path.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = file.content
        for folder in ("/etc/consul.d", "/etc/nomad.d", "/opt/consul", "/opt/nomad"):
            text = text.replace(f'"{folder}', f'"{root}{folder}')
        target.write_text(text)


def _content(entry: dict[str, Any]) -> str:
    if entry["encoding"] == "text/plain":
        return str(entry["content"])
    assert entry["encoding"] == "gz+b64"
    return gzip.decompress(base64.b64decode(entry["content"])).decode()
