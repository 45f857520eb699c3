"""Droplets' lives as the API tells them, and links that are bad on purpose."""

import time
import urllib.error
from collections.abc import Iterator

import pytest

from bakery.emulator.machines.interface import MachineFailure
from bakery.emulator.network.impairments import delay_words
from bakery.proc import run
from bakery.wait import Pending, wait_until
from tests.helpers.emulator_lab import LabApi, lab_api, leftovers, running_lab

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

RANGE = "100.96.0.0/15"
DONE = "#cloud-config\nruncmd: [[touch, /root/done]]\n"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabApi]:
    with running_lab(tmp_path_factory.mktemp("life"), RANGE) as lab, lab_api(lab) as api:
        yield api
    assert {kind: found for kind, found in leftovers(lab.plan, lab.folder).items() if found} == {}


@pytest.fixture(scope="module")
def pair(api: LabApi) -> tuple[int, int]:
    one, two = api.create("one", "two", user_data=DONE)
    for droplet_id in (one, two):
        api.lab.wait_done(droplet_id)
    return one, two


def wait_status(api: LabApi, droplet_id: int, status: str, seconds: float = 60) -> None:
    wait_until(
        lambda: True if api.status(droplet_id) == status else Pending(api.status(droplet_id)),
        what=f"the droplet to be {status}",
        seconds=seconds,
        every=0.05,
    )


def impair(api: LabApi, droplet_id: int, **order: float) -> None:
    api.call("POST", f"/_emulator/droplets/{droplet_id}/impairment", order)


def heal(api: LabApi, droplet_id: int) -> None:
    api.call("DELETE", f"/_emulator/droplets/{droplet_id}/impairment")


def pings(api: LabApi, droplet_id: int, address: str, count: int = 1, every: float = 0.2) -> int:
    """How many of the echoes came back."""
    done = api.lab.sh(droplet_id, f"ping -q -c {count} -i {every} -W 1 {address}")
    (line,) = [line for line in done.stdout.splitlines() if "packets transmitted" in line]
    return int(line.split(" received")[0].split()[-1])


def test_a_partition_cuts_off_both_links_and_ends_by_itself(api: LabApi, pair: tuple[int, int]) -> None:
    one, two = pair
    public, private = api.addresses(one)
    assert (pings(api, two, public), pings(api, two, private)) == (1, 1)
    impair(api, one, partition_s=6)
    assert (pings(api, two, public), pings(api, two, private)) == (0, 0)
    assert api.lab.sh(one, "curl -sS -m 1 http://169.254.169.254/").returncode == 28  # curl(1): time-out
    assert pings(api, two, f"{api.lab.plan.gateway}") == 1  # control: the other droplet's links are good
    wait_until(
        lambda: True if pings(api, two, private) else Pending("cut off"), what="the partition's end", seconds=30
    )
    assert pings(api, two, public) == 1


def test_loss_is_about_what_was_asked_for(api: LabApi, pair: tuple[int, int]) -> None:
    """Half of the packets each way: a quarter of 100 echoes comes back, and 5 or 50 of them is six sigma away."""
    one, two = pair
    _, private = api.addresses(one)
    impair(api, one, loss=0.5)
    assert 4 < pings(api, two, private, count=100, every=0.01) < 51
    heal(api, one)
    assert pings(api, two, private, count=100, every=0.01) == 100  # control


def test_a_rate_slows_a_download(api: LabApi, pair: tuple[int, int]) -> None:
    one, two = pair
    _, private = api.addresses(one)
    api.lab.sh(one, "head -c 1000000 /dev/zero > /srv/megabyte; systemd-run python3 -m http.server -d /srv 8080")
    fetch = f"curl -sS -o /dev/null -m 60 --retry 9 --retry-connrefused -w '%{{time_total}}' http://{private}:8080/megabyte"
    assert float(api.lab.sh(two, fetch).stdout) < 0.5  # control
    impair(api, one, rate=4_000_000)
    assert float(api.lab.sh(two, fetch).stdout) > 1  # eight million bits at four million a second
    heal(api, one)


def test_a_delay_is_made_or_refused_with_the_reason(api: LabApi, pair: tuple[int, int]) -> None:
    one, two = pair
    _, private = api.addresses(one)
    if _kernel_has_netem(api):
        impair(api, one, delay_s=0.2)
        started = time.monotonic()
        assert pings(api, two, private) == 1
        assert time.monotonic() - started > 0.2
        heal(api, one)
        return
    with pytest.raises(urllib.error.HTTPError) as caught:
        impair(api, one, delay_s=0.2, loss=1)
    assert (caught.value.code, "sch_netem" in caught.value.read().decode()) == (422, True)
    assert pings(api, two, private) == 1  # and then nothing of it is done


def _kernel_has_netem(api: LabApi) -> bool:
    inside = ["ip", "netns", "exec", api.lab.plan.router, "tc"]
    has = run([*inside, *delay_words("lo", 0.001)], check=False).returncode == 0
    run([*inside, *delay_words("lo", 0)], check=False)
    return has


def test_a_guest_that_powers_itself_off_is_off(api: LabApi, pair: tuple[int, int]) -> None:
    """Within 2 s of the guest's end."""
    _, two = pair
    api.lab.sh(two, "systemctl poweroff")
    wait_until(
        lambda: Pending("it runs") if api.lab.machines.is_running(two) else True,
        what="the guest's end",
        seconds=60,
        every=0.02,
    )
    wait_status(api, two, "off", seconds=2)
    assert api.act(two, "power_on") == "completed"
    assert api.status(two) == "active"
    api.lab.wait_done(two)


def test_snapshots_of_a_running_and_of_a_stopped_droplet(api: LabApi, pair: tuple[int, int]) -> None:
    """The running one writes all the time; what it had finished writing is in its snapshot."""
    one, two = pair
    api.lab.sh(one, "echo finished > /root/finished")
    api.lab.sh(one, "systemd-run sh -c 'while :; do date > /root/$(date +%N); rm -f /root/[0-9]*; done'")
    assert api.act(one, "snapshot", name="running") == "completed"
    assert api.lab.sh(one, "cat /root/finished").stdout == "finished\n"  # it runs on
    api.lab.sh(two, "echo stopped > /root/finished")
    assert api.act(two, "shutdown") == "completed"
    assert api.act(two, "snapshot", name="stopped") == "completed"

    images = {each["name"]: each["id"] for each in api.call("GET", "/v2/images?private=true")["images"]}
    for name, text in (("running", "finished\n"), ("stopped", "stopped\n")):
        (copy,) = api.create(f"copy-{name}", image=images[name])
        api.lab.wait_done(copy)
        assert api.lab.sh(copy, "cat /root/finished").stdout == text
        api.call("DELETE", f"/v2/droplets/{copy}")


def test_rebuild_keeps_id_and_addresses(api: LabApi, pair: tuple[int, int]) -> None:
    one, _ = pair
    before = api.addresses(one)
    assert api.act(one, "rebuild", image="debian-12-x64") == "completed"
    api.lab.wait_done(one)
    assert api.addresses(one) == before
    shown = api.lab.sh(one, "ip -4 -br addr; ls /root").stdout
    assert all(f"{address}/" in shown for address in before)
    assert "finished" not in shown
    assert "done" in shown  # control: user-data ran again


def test_a_shutdown_in_the_first_moments_is_not_lost(api: LabApi) -> None:
    """systemd listens half a second after its start: a signal sent once would do nothing."""
    (young,) = api.create("young")
    assert api.act(young, "shutdown") == "completed"
    assert api.status(young) == "off"
    api.call("DELETE", f"/v2/droplets/{young}")


def test_delete_while_booting_leaves_nothing(api: LabApi) -> None:
    (young,) = api.create("young")
    api.call("DELETE", f"/v2/droplets/{young}")
    api.settle()
    left = leftovers(api.lab.plan, api.lab.folder)
    assert [line for lines in left.values() for line in lines if str(young) in line] == []


def wait_says(api: LabApi, droplet_id: int, script: str, words: str) -> None:
    def says() -> bool | Pending:
        try:
            said = " ".join(api.lab.sh(droplet_id, script).stdout.split())
        except MachineFailure as error:
            return Pending(str(error))
        return True if said == words else Pending(said)

    wait_until(says, what=f"{script} to say {words}", seconds=60, every=0.3)


def test_a_failed_boot_and_a_failed_cloud_init_to_order(api: LabApi) -> None:
    for outcome in ("unbootable", "unconfigured"):
        api.call("POST", "/_emulator/faults", {"action": "create", "outcome": outcome})
        assert len(api.create(outcome, user_data=DONE)) == 1
    known = {each["name"]: each["id"] for each in api.call("GET", "/v2/droplets")["droplets"]}
    unbootable, unconfigured = known["unbootable"], known["unconfigured"]
    assert (api.status(unbootable), api.status(unconfigured)) == ("active", "active")

    wait_says(api, unconfigured, "systemctl is-failed cloud-final.service", "failed")
    assert api.lab.sh(unconfigured, "ls /root/done").returncode != 0
    wait_says(api, unbootable, "systemctl is-active emergency.target multi-user.target", "active inactive")

    assert api.act(unconfigured, "power_cycle") == "completed"  # the next boot is a good one
    api.lab.wait_done(unconfigured)
    assert api.lab.sh(unconfigured, "ls /root/done").returncode == 0
    for droplet_id in (unbootable, unconfigured):
        api.call("DELETE", f"/v2/droplets/{droplet_id}")


def test_a_droplet_without_public_networking(api: LabApi, pair: tuple[int, int]) -> None:
    """https://docs.digitalocean.com/products/droplets/details/private-droplets/: the VPC is on eth0."""
    one, _ = pair
    (private,) = api.create("private", public_networking=False)
    api.lab.wait_done(private)
    networks = api.call("GET", f"/v2/droplets/{private}")["droplet"]["networks"]["v4"]
    assert [network["type"] for network in networks] == ["private"]
    assert f"{networks[0]['ip_address']}/20" in api.lab.sh(private, "ip -4 -br addr show eth0").stdout
    assert api.lab.sh(private, "ip link show eth1").returncode == 1
    assert pings(api, one, networks[0]["ip_address"]) == 1
    done = api.lab.sh(private, f"ping -c 1 -W 1 {api.addresses(one)[0]}")
    assert (done.returncode, "Network is unreachable" in done.stderr) == (2, True)  # nothing outside of the VPC
    impair(api, private, partition_s=1)
    assert pings(api, one, networks[0]["ip_address"]) == 0
