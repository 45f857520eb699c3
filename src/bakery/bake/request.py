"""Build a bake request from the cluster file, and Packer's variables from the request."""

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bakery import assets
from bakery.bake.model import BakeRequest, Build, Downloads, Tools
from bakery.cloud.model import Region, Size, has_metadata
from bakery.config.model import ClusterConfig
from bakery.errors import MissingToolError, UsageError
from bakery.files import file_sha256, write_atomically, write_secret
from bakery.hints import Command, Hint
from bakery.plan.tags import build_tag, content_tag

_MIN_MEMORY = 1024  # MB; apt and the unpacking of docker run out of memory on the 512 MB size


def build_request(
    config: ClusterConfig,
    *,
    endpoint: str,
    token: str,
    folder: Path,
    downloads: Downloads | None = None,
    size: str | None = None,
    fresh: bool = False,
    inputs: Mapping[str, bytes] | None = None,
) -> BakeRequest:
    """Return the request for the cluster's snapshot. ``downloads`` is None if the binaries are uploaded.

    ``inputs`` defaults to :func:`bakery.assets.image_inputs`.
    """
    image = config.image
    inputs = assets.image_inputs() if inputs is None else inputs
    return BakeRequest(
        region=config.region,
        base=image.base,
        consul=image.consul,
        nomad=image.nomad,
        traefik=config.has_ingress,
        content_tag=content_tag(
            inputs, base=image.base, consul=image.consul, nomad=image.nomad, traefik=config.has_ingress
        ),
        endpoint=endpoint,
        token=token,
        folder=folder,
        downloads=downloads,
        size=size,
        fresh=fresh,
    )


def choose_size(sizes: Sequence[Size], region: str) -> str:
    """Return the size with the smallest disk (then the cheapest): no droplet of the snapshot can have a smaller.

    Raises:
        UsageError: the region has no suitable size.
    """
    fitting = [s for s in sizes if s.available and region in s.regions and s.memory >= _MIN_MEMORY]
    if not fitting:
        message = f"the region {region} has no droplet size with enough memory for a bake"
        raise UsageError(message=message, hint="name another region in the cluster file")
    return min(fitting, key=lambda s: (s.disk, s.price_monthly, s.slug)).slug


def check_region(regions: Sequence[Region], region: str) -> None:
    """Check that Packer could log in to a droplet there: cloud-init gets its SSH key from the metadata service.

    Raises:
        UsageError: the region has no metadata service, so that a build would wait for SSH until its time-out.
    """
    if has_metadata(regions, region):
        return
    message = f"nothing can be baked in {region}: the region has no metadata service"
    details = (
        "the build droplet gets Packer's SSH key from it; without it Packer would wait for SSH until its time-out"
    )
    stand_in = Hint(Command("emulator stand-in"), " makes an empty snapshot instead")
    hint = Hint("on an emulator with droplets in memory: ", stand_in)
    raise UsageError(message=message, details=details, hint=hint)


def write_variables(request: BakeRequest, build: Build, tools: Tools, *, size: str, work: Path) -> Path:
    """Write Packer's input into ``work``; return its variables file (0600), which contains no secret.

    Raises:
        MissingToolError: a binary to upload does not exist.
    """
    variables: dict[str, str | list[str]] = {
        "region": request.region,
        "size": size,
        "base": request.base,
        "snapshot_name": build.snapshot_name,
        "build_tag": build_tag(build.id),
        "content_tag": request.content_tag,
        "consul_version": request.consul,
        "nomad_version": request.nomad,
    }
    variables |= _downloads(request.downloads) if request.downloads else _uploads(request, tools, work)
    file = work / "bakery.pkrvars.json"
    write_secret(file, json.dumps(variables, indent=2, sort_keys=True).encode())
    return file


def pack_plugins(folder: Path) -> bytes:
    """Return the CNI plugins as one tar. Equal plugins give equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for plugin in sorted(path for path in folder.iterdir() if path.suffix != ".json" and path.is_file()):
            content = plugin.read_bytes()
            member = tarfile.TarInfo(plugin.name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _downloads(downloads: Downloads) -> dict[str, str | list[str]]:
    traefik = downloads.traefik
    of_traefik = {} if traefik is None else {"traefik_url": traefik.url, "traefik_sha256": traefik.sha256}
    return {
        "consul_url": downloads.consul.url,
        "consul_sha256": downloads.consul.sha256,
        "nomad_url": downloads.nomad.url,
        "nomad_sha256": downloads.nomad.sha256,
        "cni_url": downloads.cni.url,
        "cni_sha256": downloads.cni.sha256,
        **of_traefik,
    }


def _uploads(request: BakeRequest, tools: Tools, work: Path) -> dict[str, str | list[str]]:
    consul, nomad = _present("consul", tools.consul), _present("nomad", tools.nomad)
    cni = _present("cni", tools.cni)
    uploads = {"consul": work / "consul", "nomad": work / "nomad", "cni": work / "cni.tar"}
    # Packer uploads files under their own names, and the build script expects these.
    uploads["consul"].symlink_to(consul.resolve())
    uploads["nomad"].symlink_to(nomad.resolve())
    if request.traefik:
        uploads["traefik"] = work / "traefik"
        uploads["traefik"].symlink_to(_present("traefik", tools.traefik).resolve())
    write_atomically(uploads["cni"], pack_plugins(cni), mode=0o600)
    digests: dict[str, str | list[str]] = {f"{name}_sha256": file_sha256(path) for name, path in uploads.items()}
    return digests | {"uploads": [str(path) for path in uploads.values()]}


def _present(name: str, path: Path | None) -> Path:
    if path is None or not path.exists():
        message = f"there is no {name} on this machine to upload"
        raise MissingToolError(
            message=message, hint="`make toolchain`, or `binaries: download` in the cluster file"
        )
    return path
