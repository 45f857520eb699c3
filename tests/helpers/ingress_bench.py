"""A small cluster with an ingress node behind a load balancer, or with a reserved IP, on a FakeCloud."""

from pathlib import Path

from bakery.config.load import parse_cluster
from bakery.plan.build import build_plan
from bakery.plan.model import ClusterPlan
from tests.helpers.fake_cloud import FakeCloud
from tests.helpers.launch_harness import IMAGE, SIZE, SIZES, LaunchHarness

PASSTHROUGH = (
    "{acme_email: ops@example.com, domains: [www.example.com], load_balancer: {certificate: passthrough}}"
)
LETS_ENCRYPT = "{domains: [www.example.com], load_balancer: {certificate: lets-encrypt}}"
RESERVED = "{reserved_ip: auto}"
PLAIN = "{}"


def ingress_plan(ingress: str = PASSTHROUGH, *, count: int = 1) -> ClusterPlan:
    """One Consul server and some ingress nodes."""
    roles = f"  consul-server: {{count: 1, size: {SIZE}}}\n  ingress: {{count: {count}, size: {SIZE}}}\n"
    text = f"version: 1\ncluster: demo\nroles:\n{roles}ingress: {ingress}\n"
    return build_plan(parse_cluster(text, Path("bakery.yaml")))


def ingress_bench(folder: Path, ingress: str = PASSTHROUGH, *, lag: float = 0, count: int = 1) -> LaunchHarness:
    cloud = FakeCloud(sizes=SIZES, images={IMAGE.id: IMAGE}, lag=lag)
    return LaunchHarness(folder, cloud=cloud, plan=ingress_plan(ingress, count=count))
