"""The targets of launch, destroy, a cluster under faults and sequences of commands, in the order of the page."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Target:
    name: str
    promise: str
    control: str
    """The test that shows that the measure can fail."""


_LAUNCH = "tests/unit/launch/test_launch_crash.py"
_RACES = "tests/integration/test_launch_races.py"
TARGETS = (
    Target(
        name="launch, kill -9",
        promise="killed at any request, before or after it is applied, and run again: exactly the plan",
        control=f"`{_LAUNCH}`: without journal and second look there is a duplicate",
    ),
    Target(
        name="launch, signals",
        promise="SIGINT, SIGTERM, SIGHUP at any request: an answer within 0.5 s, exit 130 or 143, then as above",
        control="`tests/integration/test_launch_processes.py`: the first signal waits for the reply",
    ),
    Target(
        name="destroy, kill -9 and signals",
        promise="struck at any request and run again: the account as it was before the launch",
        control=f"`{_LAUNCH}`: struck, there is something left to remove",
    ),
    Target(
        name="local writes",
        promise="kill -9 or a signal at any fsync, rename or link: no half file on disk, and the rerun finishes",
        control="`tests/unit/launch/base/test_launch_journal.py`: half a journal is refused",
    ),
    Target(
        name="storm",
        promise="a fifth of all requests fails (429, 500, HTML 502, reset, hang, lost reply): exactly the plan",
        control="`tests/integration/test_launch_storm.py`: a blind retry makes extra droplets",
    ),
    Target(
        name="stale lists",
        promise="lists up to 30 s behind, with random faults and deaths: no duplicate",
        control=f"`{_LAUNCH}`: what is forgotten is made again",
    ),
    Target(
        name="one machine, two launches",
        promise="the lock names process, host and start; no extra droplet",
        control="`tests/unit/launch/base/test_launch_journal.py`: the lock is what refuses",
    ),
    Target(
        name="two machines, two launches",
        promise="no name twice, no firewall twice, every join address alive",
        control=f"`{_RACES}`: without the second look there are duplicates",
    ),
    Target(
        name="requests",
        promise="a launch of 9 uses at most 60 requests, of 30 at most 120; a rerun changes nothing",
        control="`tests/integration/test_launch_emulated.py`",
    ),
    Target(
        name="scale",
        promise="a launch of 500: below 600 requests, at most 8 at once, below 300 MiB",
        control="`tests/integration/test_launch_scale.py`",
    ),
    Target(
        name="roll, kill -9",
        promise="killed before or after any request, call to an agent or write, and run again: exactly the plan",
        control="`tests/unit/launch/roll/test_replace_crash.py`: a dead roll leaves a replacement unfinished",
    ),
    Target(
        name="scale down, kill -9",
        promise="killed before or after any request, call to an agent or write, and run again: exactly the plan",
        control="`tests/unit/launch/roll/test_shrink.py`: a server that is off is noticed",
    ),
    Target(
        name="an election at any call",
        promise="no leader for 4 s from any call on: replace, destroy and scale down do the same as with one",
        control="`tests/unit/launch/roll/test_elections.py`: the command with an election takes longer",
    ),
    Target(
        name="random states",
        promise="any state, any faults, any commands: what comes out is valid, and a launch heals it",
        control="`tests/integration/test_launch_states.py`: without journal and second look it finds a duplicate",
    ),
)

_FAULTS = "tests/e2e/test_cluster_80_faults.py"
_LOST = f"`{_FAULTS}`: a key that somebody deletes is missed"
FAULTS = (
    Target(
        name="power cut of the Consul leader",
        promise="another server leads, no acknowledged write is lost, and it comes back",
        control=_LOST,
    ),
    Target(
        name="power cut of the Nomad leader",
        promise="another server leads, no acknowledged write is lost, and it comes back",
        control=f"`{_FAULTS}`: without power the cluster is not healthy",
    ),
    Target(
        name="power cut of a Nomad client",
        promise="no acknowledged write is lost, and it comes back",
        control=f"`{_FAULTS}`: without power the cluster is not healthy",
    ),
    Target(
        name="a Consul server cut off",
        promise="the others miss it and go on, no acknowledged write is lost, and it comes back",
        control=_LOST,
    ),
    Target(
        name="rolling reboots",
        promise="each Consul server, then a client, comes back; no acknowledged write is lost",
        control=_LOST,
    ),
    Target(
        name="agents killed",
        promise="Nomad and Consul of a client, kill -9 ten times each: its tasks keep their processes",
        control=f"`{_FAULTS}`: each kill ended the process that it was for",
    ),
)

_SEQUENCES = "tests/e2e/test_sequences.py"
_CHANGE = "tests/e2e/test_sequences_change.py"
_QUORUM = "tests/unit/launch/teardown/test_launch_removal.py"
_REFUSED = f"`{_QUORUM}`: a server that Raft finds dead, or that has no vote, does not count"
SEQUENCES = (
    Target(
        name="nine nodes replaced",
        promise="`destroy --node` and `launch` for each, leaders included: no acknowledged write or job is lost",
        control=_REFUSED,
    ),
    Target(
        name="a roll of nine",
        promise="`roll`: alive Consul voters are 3 or 4 at any moment, no acknowledged write is lost",
        control=f"`{_SEQUENCES}`: with the old node first the sampler sees two voters",
    ),
    Target(
        name="a service through a roll of nine",
        promise="count 2, `shutdown_delay` 2 s, 20 requests a second at the addresses in Consul's DNS: 0 failed",
        control=f"`{_SEQUENCES}`: with `--no-drain` requests fail",
    ),
    Target(
        name="a service through a roll of the clients",
        promise="the same service while all Nomad clients are replaced: 0 failed; with `--no-drain` some fail",
        control=f"`{_SEQUENCES}`: with `--no-drain` requests fail",
    ),
    Target(
        name="1, 3, 5 and 3 Consul servers",
        promise="a destroy of the leader right after each launch; the only server is refused; the data stays",
        control=_REFUSED,
    ),
    Target(
        name="1, 3, 5 and 3 Nomad servers",
        promise="a destroy of the leader right after each launch; the only server is refused; the data stays",
        control=_REFUSED,
    ),
    Target(
        name="servers of both on one droplet",
        promise="each of three replaced; a second one is refused while the first is missing; the data stays",
        control=_REFUSED,
    ),
    Target(
        name="leaders deleted in the control panel",
        promise="a launch replaces them, and nothing is left of them in Raft or gossip",
        control="`tests/unit/launch/converge/test_launch_formed.py`: with the last server gone, the launch is"
        " refused",
    ),
    Target(
        name="one server of each, rebooted, then three",
        promise="a reboot and a launch of 3 + 3 + 2 at once: three voters of each, the data stays",
        control=_REFUSED,
    ),
    Target(
        name="a client replaced three times",
        promise="each successor is ready when the launch ends, and Nomad lists no other node of the slot",
        control=f"`{_QUORUM}`: an unknown address is another node",
    ),
    Target(
        name="all power lost",
        promise="every droplet off, then on in random order: the same allocations run, the data stays",
        control=f"`{_SEQUENCES}`: while they are off, status is not healthy",
    ),
    Target(
        name="launch killed, then the API away",
        promise="kill -9, the same launch again, the emulator restarted in the middle: no duplicate, whole",
        control="`tests/unit/launch/test_launch_crash.py`: without journal and second look there is a duplicate",
    ),
    Target(
        name="one of two clusters destroyed",
        promise="nothing of it is left in the account, and nothing of the other is touched",
        control=f"`{_SEQUENCES}`: before the destroy the account has more",
    ),
    Target(
        name="a droplet copied from a node",
        promise="status names two droplets in one slot",
        control="`tests/unit/observe/test_observe_conditions.py`: the healthy cluster has none",
    ),
    Target(
        name="every client destroyed, then a launch",
        promise="no wait for a drain that has nowhere to go; the job runs again after the launch",
        control=f"`{_QUORUM}`: a client among others is drained first",
    ),
    Target(
        name="a canary that never comes",
        promise="the first new droplet is cut off: exit 6, the old droplets stay, the roll can be given up",
        control=f"`{_CHANGE}`: the successor exists while the roll fails",
    ),
    Target(
        name="a roll with a server down",
        promise="exit 7, nothing is touched, Raft keeps the server, and it comes back",
        control=f"`{_CHANGE}`: the refusal names the server that is off",
    ),
    Target(
        name="a client that was off while every server was replaced",
        promise="powered on, it joins servers that it has never seen",
        control=f"`{_CHANGE}`: no old server is left",
    ),
    Target(
        name="a cluster of bakery 0.1",
        promise="without slot and generation tags: found, grown, a server and a client replaced, destroyed",
        control="`tests/unit/launch/roll/test_old_layout.py`: the tags are gone before",
    ),
    Target(
        name="an upgrade of Nomad",
        promise="`upgrade` from an earlier version: every agent reports the new one, the data stays, no way back",
        control="`tests/e2e/test_sequences_change.py`: before it every agent reports the earlier version",
    ),
    Target(
        name="random commands",
        promise="destroy, launch, reboot and launches cut short in any order: a launch heals, the data stays",
        control=_REFUSED,
    ),
)
