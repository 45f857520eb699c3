"""What a cluster costs a month, in the list of clusters."""

from pathlib import Path

import pytest

from bakery.errors import UnauthorizedError
from bakery.launch.base.place import Place
from bakery.operations.list_clusters import ListedCluster, list_clusters
from tests.helpers.fake_cloud import Call, FakeCloud, Fault
from tests.helpers.ingress_bench import PASSTHROUGH, PLAIN, ingress_bench

pytestmark = pytest.mark.usefixtures("fast_disk")

PLACE = Place(endpoint="https://api.example.com", owner="0f1e", name="DigitalOcean")


def the_only(folder: Path, cloud: FakeCloud) -> ListedCluster:
    (found,) = list_clusters(folder / "bakery.yaml", cloud, PLACE)
    return found


@pytest.mark.parametrize(("ingress", "price"), [(PLAIN, 12.0), (PASSTHROUGH, 24.0)])
def test_the_load_balancer_is_in_the_price(tmp_path: Path, ingress: str, price: float) -> None:
    harness = ingress_bench(tmp_path / "launched", ingress)  # two droplets at 6, and 12 for the load balancer
    harness.launch()
    assert the_only(tmp_path, harness.cloud).monthly_usd == price


def test_a_token_that_may_not_list_load_balancers_does_not_know_the_price(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path / "launched")
    harness.launch()

    def forbid(_: int, call: Call) -> Fault | None:
        if call.name == "list_load_balancers":
            raise UnauthorizedError(message="not allowed", status=403)
        return None

    harness.cloud.fault = forbid
    found = the_only(tmp_path, harness.cloud)
    assert (found.droplets, found.monthly_usd) == (2, None)
