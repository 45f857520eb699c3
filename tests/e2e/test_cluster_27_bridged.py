"""Tasks behind Nomad's bridge stay reachable when docker and the firewall restart; no registry is needed."""

from collections.abc import Iterator

import pytest

from bakery.wait import Pending, wait_until
from tests.helpers.bridged_job import PAGE, Tasks, bridged, wait_reached, within
from tests.helpers.cluster_e2e import PATIENCE, Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CLIENT = "demo-nomad-client-1"
PAUSE = "bakery.invalid/pause:1"


@pytest.fixture(scope="module")
def tasks(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tasks]:
    with bridged(cluster, CLIENT, tmp_path_factory.mktemp("bridged")) as found:
        yield found


def test_a_container_behind_the_bridge_needs_no_registry(cluster: Cluster, tasks: Tasks) -> None:
    """The image that holds its network comes from the snapshot."""
    wait_reached(cluster, tasks, after="its start")
    held = cluster.inside(CLIENT, "docker ps --filter name=nomad_init --format '{{.Image}}'").stdout.split()
    assert set(held) == {PAUSE}


def test_a_task_reaches_itself_by_the_address_of_its_service(cluster: Cluster, tasks: Tasks) -> None:
    page = within(cluster, tasks["exec"], "/usr/bin/curl", "-sS", "-m", "5", f"http://{tasks['exec'].endpoint}/")
    assert page.stdout == f"{PAGE}\n"
    address, port = tasks["docker"].endpoint.split(":")
    fetch = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | /bin/busybox nc -w 5 {address} {port}"

    def answered() -> bool | Pending:
        page = within(cluster, tasks["docker"], "/bin/busybox", "sh", "-c", fetch, check=False)
        return page.stdout.endswith(f"{PAGE}\n") or Pending(str(page))

    # Once, on a loaded machine, nomad's exec ended well and without a word of output.
    wait_until(answered, what="the docker task to reach itself", seconds=PATIENCE)


def test_an_artifact_comes_from_a_git_repository(cluster: Cluster, tasks: Tasks) -> None:
    assert within(cluster, tasks["exec"], "/bin/cat", "/local/repository/hello").stdout == "from git\n"


def test_containers_have_a_finite_limit_of_open_files(cluster: Cluster, tasks: Tasks) -> None:
    """A process has at most what its parent may give it: the emulator's shell can have less than a droplet."""
    limit = "systemctl show --value --property=LimitNOFILE"
    assert cluster.inside(CLIENT, f"{limit} containerd docker").stdout.split() == ["65536", "1048576"]
    shown = within(cluster, tasks["docker"], "/bin/busybox", "sh", "-c", "ulimit -n").stdout
    assert int(shown) <= 65536


def test_the_firewalls_reload_cuts_nothing_off(cluster: Cluster, tasks: Tasks) -> None:
    cluster.inside(CLIENT, "systemctl reload bakery-firewall")
    wait_reached(cluster, tasks, after="a reload of the firewall")


def test_a_restart_of_docker_cuts_nothing_off(cluster: Cluster, tasks: Tasks) -> None:
    cluster.inside(CLIENT, "systemctl restart docker")
    wait_reached(cluster, tasks, after="a restart of docker")


def test_nomads_clean_up_cannot_remove_the_image(cluster: Cluster, tasks: Tasks) -> None:
    """It calls docker with the image's id and force, three minutes after the last use."""
    cluster.stop_job("bridged")
    images = "docker images --no-trunc --quiet"
    wait_until(
        lambda: (
            True
            if not cluster.inside(CLIENT, "docker ps --all --quiet --filter name=nomad_init").stdout
            else Pending("the container that held its network is left")
        ),
        what="the job to end",
        seconds=PATIENCE,
    )
    refused = cluster.inside(CLIENT, f"docker rmi --force $({images} {PAUSE})", check=False)
    assert "dependent child" in refused.stderr
    cluster.inside(CLIENT, f"docker rmi --force $({images} bakery/bridged:1)")  # control: another image
    # The same for the weekly clean-up.
    cluster.inside(CLIENT, "systemctl start bakery-images")
    assert cluster.inside(CLIENT, f"{images} {PAUSE}").stdout
