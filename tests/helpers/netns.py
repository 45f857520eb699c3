"""A network namespace with a droplet's VPC interface in it, for programs that ask for their address."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bakery.proc import Completed, run
from tests.helpers.tools import absent

# Both ends stay inside; eth1 is the droplet's interface in the VPC, lan0 the rest of the VPC.
_SETUP = """
set -eu
ip link set lo up
ip link add eth1 type veth peer name lan0
ip address add "$1" dev eth1
ip link set eth1 up
ip link set lan0 up
shift
exec "$@"
"""


def isolated(argv: Sequence[str | Path], *, address: str = "10.100.0.5/20") -> list[str]:
    """``argv`` wrapped so that it runs in a namespace of its own, which goes when it ends."""
    require_namespaces()
    return [*_unshare(), "sh", "-c", _SETUP, "sh", address, *map(str, argv)]


def run_isolated(argv: Sequence[str | Path], *, check: bool = True) -> Completed:
    return run(isolated(argv), check=check)


@contextmanager
def named_namespace(name: str) -> Iterator[str]:
    """A namespace that ip-netns(8) knows by this name, until the block ends; it needs root."""
    run(["ip", "netns", "add", name])
    try:
        yield name
    finally:
        run(["ip", "netns", "delete", name])


def require_namespaces() -> None:
    """Skip (in CI: fail) where this user may not make network namespaces."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        absent("unshare (util-linux) and ip (iproute2) are needed")
    tried = run([*_unshare(), "ip", "link", "add", "eth1", "type", "veth", "peer", "name", "lan0"], check=False)
    if tried.returncode != 0:
        absent(f"network namespaces cannot be made here: {tried.stderr.strip()}")


def _unshare() -> list[str]:
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--net", *as_root]
