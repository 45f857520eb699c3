"""A three-by-three cluster on a FakeCloud, ready to be launched and destroyed by a test."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from bakery.cloud.model import Image, Size
from bakery.config.load import parse_cluster
from bakery.config.paths import StatePaths
from bakery.launch.base.model import (
    AfterStep,
    Approve,
    Changes,
    DestroyRequest,
    LaunchRequest,
    LaunchResult,
    PreviewRequest,
    RemovalRequest,
    Targets,
)
from bakery.launch.base.session import Session
from bakery.launch.converge.prepare import preview
from bakery.launch.teardown.destroy import destroy
from bakery.operations.launch_cluster import launch
from bakery.plan.build import build_plan
from bakery.plan.model import ClusterPlan, Node
from bakery.render.model import Join
from tests.helpers.fake_cloud import FakeCloud
from tests.helpers.reporter import RecordingReporter
from tests.helpers.state import paths_in

ADMIN = ("198.51.100.7/32",)
FINGERPRINT = "0123456789abcdef" * 4
CANARY = "CANARY-user-data-secret"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIthrowaway bakery"
SIZE = "s-1vcpu-1gb"
SIZES = (
    Size(
        slug=SIZE, memory=1024, disk=25, price_monthly=6.0, price_hourly=0.00893,
        regions=("fra1",), available=True,
    ),
    Size(
        slug="s-2vcpu-2gb", memory=2048, disk=60, price_monthly=18.0, price_hourly=0.02679,
        regions=("fra1",), available=True,
    ),
    Size(
        slug="s-tiny", memory=512, disk=10, price_monthly=4.0, price_hourly=0.00595,
        regions=("fra1", "nyc3"), available=True,
    ),
    Size(
        slug="s-far", memory=1024, disk=25, price_monthly=6.0, price_hourly=0.00893,
        regions=("nyc3",), available=True,
    ),
)  # fmt: skip
IMAGE = Image(
    id=77, name="bakery-snapshot", type="snapshot", status="available", regions=("fra1",),
    tags=("bakery:image:abc",), min_disk_size=25, size_gigabytes=2.1, created_at="2026-11-01T00:00:00Z",
)  # fmt: skip

NAMES = [
    "demo-consul-server-1", "demo-consul-server-2", "demo-consul-server-3",
    "demo-nomad-client-1", "demo-nomad-client-2", "demo-nomad-client-3",
    "demo-nomad-server-1", "demo-nomad-server-2", "demo-nomad-server-3",
]  # fmt: skip
"""Every droplet of the plan, sorted."""


@cache
def small_plan(*, clients: int = 3, size: str = SIZE) -> ClusterPlan:
    """Return the plan of 3 Consul servers, 3 Nomad servers and some clients."""
    return plan_of({"consul-server": 3, "nomad-server": 3, "nomad-client": clients}, size=size)


def plan_of(counts: Mapping[str, int], *, size: str = SIZE) -> ClusterPlan:
    """Return the plan of a cluster of these roles, each named after its kind."""
    roles = "".join(f"  {role}: {{count: {count}, size: {size}}}\n" for role, count in counts.items())
    text = f"version: 1\ncluster: demo\nroles:\n{roles}"
    return build_plan(parse_cluster(text, Path("bakery.yaml")))


def user_data(node: Node, join: Join) -> str:
    return f"#cloud-config\n# {CANARY} {node.name} consul={','.join(join.consul)} nomad={','.join(join.nomad)}\n"


def launch_request(image: Image, *, key: str, plan: ClusterPlan | None = None) -> LaunchRequest:
    """What a launch of the small plan asks for."""
    return LaunchRequest(
        plan=plan or small_plan(),
        image=image,
        ca_fingerprint=FINGERPRINT,
        generation=1,
        admin_cidrs=ADMIN,
        user_data=user_data,
        throwaway_public_key=key,
    )


_HANDLES = {field.name for field in fields(Session)}
_numbers = count(1)
"""Every launch makes a key pair of its own."""


@dataclass
class LaunchHarness:
    """One operator's machine and one account."""

    folder: Path
    cloud: FakeCloud = field(default_factory=lambda: FakeCloud(sizes=SIZES, images={IMAGE.id: IMAGE}))
    reporter: RecordingReporter = field(default_factory=RecordingReporter)
    plan: ClusterPlan = field(default_factory=small_plan)

    @property
    def paths(self) -> StatePaths:
        return paths_in(self.folder)

    def session(self, **changes: Any) -> Session:  # noqa: ANN401 - fields of Session
        """Handles on the account in memory, single-threaded so that requests have an order."""
        fields: dict[str, Any] = {
            "cloud": self.cloud, "cluster": self.plan.cluster, "paths": self.paths, "reporter": self.reporter,
            "clock": self.cloud.clock, "wall": self.cloud.clock.wall, "workers": 1,
        }  # fmt: skip
        return Session(**(fields | changes))

    def launch(
        self,
        approve: Approve = lambda changes: True,
        after: Sequence[AfterStep] = (),
        consul: Sequence[AfterStep] = (),
        nomad: Sequence[AfterStep] = (),
        **changes: Any,  # noqa: ANN401
    ) -> LaunchResult:
        """One run. ``changes`` are fields of the session and of the request."""
        fields: dict[str, Any] = {
            "plan": self.plan, "image": IMAGE, "ca_fingerprint": FINGERPRINT, "generation": 1,
            "admin_cidrs": ADMIN, "user_data": user_data,
            "throwaway_public_key": f"{PUBLIC_KEY}-{next(_numbers)}",
        }  # fmt: skip
        handles = {name: changes.pop(name) for name in _HANDLES & changes.keys()}
        return launch(
            self.session(**handles),
            LaunchRequest(**(fields | changes)),
            approve,
            after,
            consul=consul,
            nomad=nomad,
        )

    def preview(self, plan: ClusterPlan | None = None, **changes: Any) -> Changes:  # noqa: ANN401 - fields of the request
        fields: dict[str, Any] = {
            "plan": plan or self.plan, "image": IMAGE, "ca_fingerprint": FINGERPRINT, "admin_cidrs": ADMIN,
        }  # fmt: skip
        return preview(self.session(), PreviewRequest(**(fields | changes)))

    def destroy(
        self,
        approve: Callable[[Targets], bool] = lambda targets: True,
        **changes: Any,  # noqa: ANN401 - fields of the request
    ) -> Targets:
        """Destroy the whole cluster."""
        return destroy(self.session(), DestroyRequest(**({"plan": self.plan} | changes)), approve)

    def removal(self, **changes: Any) -> RemovalRequest:  # noqa: ANN401 - fields of the request
        return RemovalRequest(**({"plan": self.plan} | changes))

    def joins(self) -> dict[str, str]:
        """What each droplet's user-data was told to join, by name; of twins, the newest."""
        return {
            self.cloud.droplets[number].name: text.split(" ", 3)[-1].strip()
            for number, text in self.cloud.user_data.items()
        }


def addresses(harness: LaunchHarness, *names: str) -> str:
    """VPC addresses of these droplets, as user_data writes them."""
    by_name: dict[str, str | None] = {d.name: d.private_ipv4 for d in harness.cloud.droplets.values()}
    return ",".join(by_name[name] or "none" for name in names)
