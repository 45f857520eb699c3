"""Paths of ``packer/``, ``cloud-init/`` and ``systemd-units/``: in the package, or in the checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_assets"
_CHECKOUT = _PACKAGE.parent.parent


def _folder(name: str) -> Path:
    installed = _INSTALLED / name
    return installed if installed.is_dir() else _CHECKOUT / name


PACKER = _folder("packer")
CLOUD_INIT = _folder("cloud-init")
SYSTEMD_UNITS = _folder("systemd-units")


def image_inputs() -> dict[str, bytes]:
    """Return the content of every file that shapes the snapshot, by path: the input of the content tag."""
    return {
        f"{folder.name}/{file.relative_to(folder).as_posix()}": file.read_bytes()
        for folder in (PACKER, SYSTEMD_UNITS)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
