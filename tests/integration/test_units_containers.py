"""The check of containers before they start, against configurations as docker 20.10 writes them."""

import json
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.helpers.node_scripts import load_script

pytestmark = pytest.mark.integration

# What runc calls after the profile is in force. docker's own allows it, and much more.
RUNC: dict[str, Any] = {"names": ["capget", "capset", "fcntl", "prctl"], "action": "SCMP_ACT_ALLOW"}
# What docker 20.10 writes for a task without options (daemon/oci_linux.go, oci/defaults.go).
PLAIN: dict[str, Any] = {
    "process": {"apparmorProfile": "docker-default"},
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid"]},
        {"destination": "/etc/hosts", "type": "bind", "source": "/var/lib/docker/containers/0a/hosts"},
    ],
    "linux": {
        "devices": [],
        "namespaces": [
            {"type": "mount"},
            {"type": "network", "path": "/var/run/docker/netns/default"},
            {"type": "uts"},
            {"type": "pid"},
            {"type": "ipc"},
        ],
        "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [RUNC]},
    },
}
ID = "3a1c6c42-6b2f-4b6d-9a3c-2f1f0a7d5e11"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The check, with a folder of allocations in which one is as Nomad makes it."""
    module = load_script("check-container", monkeypatch)
    monkeypatch.setattr(module, "ALLOCATIONS", tmp_path / "alloc")
    (tmp_path / "alloc" / ID).mkdir(parents=True, mode=0o755)
    return module


def checked(script: ModuleType, tmp_path: Path, config: dict[str, Any]) -> tuple[int, str]:
    """The exit code for a container with this configuration, and what is in runc's log."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    log = tmp_path / "log.json"
    words = [
        "--root",
        "/run",
        "--log",
        str(log),
        "--log-format",
        "json",
        "create",
        "--bundle",
        str(tmp_path),
        "id",
    ]
    code = script.main(words)
    return code, json.loads(log.read_text().splitlines()[-1])["msg"] if log.exists() else ""


def without(name: str, path: str | None = None) -> dict[str, Any]:
    """The plain container without that namespace, or in the one at ``path``."""
    config = deepcopy(PLAIN)
    rest = [each for each in config["linux"]["namespaces"] if each["type"] != name]
    config["linux"]["namespaces"] = rest + ([{"type": name, "path": path}] if path else [])
    return config


def with_device(path: str, kind: str, major: int, minor: int) -> dict[str, Any]:
    config = deepcopy(PLAIN)
    config["linux"]["devices"] = [{"path": path, "type": kind, "major": major, "minor": minor}]
    return config


def without_seccomp() -> dict[str, Any]:
    config = deepcopy(PLAIN)
    del config["linux"]["seccomp"]
    return config


def with_apparmor(profile: str) -> dict[str, Any]:
    config = deepcopy(PLAIN)
    config["process"]["apparmorProfile"] = profile
    return config


def with_cgroups(kind: str, *options: str) -> dict[str, Any]:
    """As docker 28 mounts them with ``writable-cgroups=true``, if ``ro`` is not among the options."""
    config = deepcopy(PLAIN)
    config["mounts"][1] |= {"type": kind, "options": list(options)}
    return config


def with_seccomp(action: str) -> dict[str, Any]:
    config = deepcopy(PLAIN)
    config["linux"]["seccomp"]["defaultAction"] = action
    return config


def with_calls(*rules: dict[str, Any], runc: dict[str, Any] | None = RUNC) -> dict[str, Any]:
    config = deepcopy(PLAIN)
    config["linux"]["seccomp"]["syscalls"] = [*rules, *([runc] if runc else [])]
    return config


def fails(*names: str, number: int | None = None, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """A rule with which calls fail, by default with EPERM."""
    return {
        "names": list(names),
        "action": "SCMP_ACT_ERRNO",
        **({} if number is None else {"errnoRet": number}),
        **more,
    }


def with_default_error(number: int, config: dict[str, Any] = PLAIN) -> dict[str, Any]:
    config = deepcopy(config)
    config["linux"]["seccomp"]["defaultErrnoRet"] = number
    return config


def allow(*names: str, action: str = "SCMP_ACT_ALLOW", args: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"names": list(names), "action": action, "args": args}


def with_listener() -> dict[str, Any]:
    config = deepcopy(PLAIN)
    config["linux"]["seccomp"]["listenerPath"] = "/run/containerd/containerd.sock"
    return config


def clone(value: int, op: str = "SCMP_CMP_MASKED_EQ") -> dict[str, Any]:
    return allow("clone", args=[{"index": 0, "value": value, "op": op}])


SILENT = "a seccomp profile in which a system call fails without an error"
LIMITED = "a seccomp profile that does not always allow"
DROP = {"index": 0, "value": 24, "op": "SCMP_CMP_EQ"}
"""The first argument PR_CAPBSET_DROP (linux/prctl.h)."""
MORE = "a seccomp profile that allows more than docker's: "
# A sample of what docker 20.10 (Debian 12) and 28 write for a container with bakery's capabilities.
DOCKERS = with_calls(
    allow("accept", "ptrace", "io_uring_setup", "futex_wait"),
    allow("personality", args=[{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]),
    allow("personality", args=[{"index": 0, "value": 0xFFFFFFFF, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]),
    allow("socket", args=[{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]),
    clone(0x7E020000),
    {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
    allow("chroot"),
)
NO_APPARMOR = deepcopy(PLAIN) | {"process": {}}


def with_bind(source: str, destination: str) -> dict[str, Any]:
    config = deepcopy(PLAIN)
    config["mounts"].append({"destination": destination, "type": "bind", "source": source, "options": ["rbind"]})
    return config


REFUSED = [
    (without("pid"), "the node's own pid namespace"),
    (without("ipc"), "the node's own ipc namespace"),
    (without("uts"), "the node's own uts namespace"),
    (without("pid", "/proc/71/ns/pid"), "the pid namespace of another container"),
    (without("ipc", "/proc/71/ns/ipc"), "the ipc namespace of another container"),
    (with_device("/dev/vda", "b", 254, 0), "the device /dev/vda (b 254:0)"),
    (with_device("/dev/mem", "c", 1, 1), "the device /dev/mem (c 1:1)"),
    # A name in the container is the job's choice: only the numbers count.
    (with_device("/dev/fuse", "b", 8, 0), "the device /dev/fuse (b 8:0)"),
    (with_bind("/dev", "/dev"), "the node's /dev at /dev"),  # Nomad, for a task with csi_plugin
    (with_bind("/dev/shm", "/x"), "the node's /dev/shm at /x"),
    (with_cgroups("cgroup", "nosuid", "noexec", "nodev"), "control groups that it may write"),
    (with_cgroups("cgroup2", "rw"), "control groups that it may write"),
    (without_seccomp(), "seccomp switched off"),
    (with_seccomp("SCMP_ACT_ALLOW"), "seccomp switched off"),
    # These run the system call too.
    (with_seccomp("SCMP_ACT_LOG"), "seccomp switched off"),
    (with_seccomp("SCMP_ACT_TRACE"), "seccomp switched off"),
    (with_seccomp("SCMP_ACT_NOTIFY"), "seccomp switched off"),
    (with_calls(allow("read", "unshare", "keyctl")), MORE + "keyctl unshare"),
    # These actions run the call too.
    (with_calls(allow("bpf", action="SCMP_ACT_LOG")), MORE + "bpf"),
    (with_calls(allow("bpf", action="SCMP_ACT_TRACE")), MORE + "bpf"),
    (with_calls(allow("bpf", action="SCMP_ACT_NOTIFY")), MORE + "bpf"),
    # New namespaces come from clone too, and it is one rule of many that allows them.
    (with_calls(allow("clone")), MORE + "clone"),
    (with_calls(allow("clone", args=[])), MORE + "clone"),
    (with_calls(clone(0x7E020000), clone(0x10000000)), MORE + "clone"),
    (with_calls(clone(0x7E020000, "SCMP_CMP_NE")), MORE + "clone"),
    (with_calls(allow("clone3")), MORE + "clone3"),
    (with_calls(allow("personality")), MORE + "personality"),
    (with_listener(), "a seccomp profile with a listener"),
    # runc would keep the capabilities that it has to give up: the call is not made, and says that it succeeded, or
    # that this kernel does not know the capability.
    (with_calls(fails("read", number=0)), SILENT),
    (with_calls(fails("read", number=0x10000)), SILENT),
    (with_calls(fails("read", number=4095)), SILENT),
    (with_calls(fails("read", number=0xFFFF)), SILENT),
    (with_default_error(4095), SILENT),
    (with_calls({"names": ["read"], "action": "SCMP_ACT_TRAP", "errnoRet": 0}), SILENT),
    (with_default_error(0), SILENT),
    (with_calls(fails("prctl", number=22, args=[DROP])), f"{LIMITED} prctl, which runc needs"),
    (
        with_calls(allow("prctl", args=[DROP]), allow("capget", "capset", "fcntl"), runc=None),
        f"{LIMITED} prctl, which runc needs",
    ),
    (
        with_default_error(22, with_calls(allow("capget", "capset", "fcntl"), runc=None)),
        f"{LIMITED} prctl, which runc needs",
    ),
    (with_calls(fails("capget")), f"{LIMITED} capget, which runc needs"),
    # runc does not look at an error of this one, with which it closes its files for the program.
    (with_calls(fails("fcntl")), f"{LIMITED} fcntl, which runc needs"),
    (with_calls(allow("read"), runc=None), f"{LIMITED} capget, capset, fcntl, prctl, which runc needs"),
    (with_apparmor("unconfined"), "the AppArmor profile 'unconfined'"),
    # The kernel takes these as "unconfined".
    (with_apparmor("unconfined "), "the AppArmor profile 'unconfined '"),
    (with_apparmor(":root:unconfined"), "the AppArmor profile ':root:unconfined'"),
    (with_apparmor("/usr/sbin/nscd"), "the AppArmor profile '/usr/sbin/nscd'"),
]
TAKEN = [
    PLAIN,
    NO_APPARMOR,  # a kernel without AppArmor
    with_apparmor(""),
    with_seccomp("SCMP_ACT_KILL_PROCESS"),
    DOCKERS,
    with_calls(allow("mount", action="SCMP_ACT_ERRNO"), allow("read")),
    with_default_error(1, with_calls(fails("clone3", number=38))),
    without("network"),
    with_bind("/var/lib/docker/containers/0a/mounts/shm", "/dev/shm"),  # docker's own
    with_bind("/srv/devices", "/dev/x"),  # a host volume
    with_device("/dev/net/tun", "c", 10, 200),
    with_device("/dev/fuse", "c", 10, 229),
    with_device("/dev/kvm", "c", 10, 232),
    with_device("/dev/dri/card0", "c", 226, 0),
    with_device("/dev/nvidia0", "c", 195, 0),
]


@pytest.mark.parametrize(("config", "reason"), REFUSED)
def test_refused(script: ModuleType, tmp_path: Path, config: dict[str, Any], reason: str) -> None:
    assert checked(script, tmp_path, config) == (1, f"this node starts no container with {reason}")


@pytest.mark.parametrize("config", TAKEN)
def test_taken(script: ModuleType, tmp_path: Path, config: dict[str, Any]) -> None:
    assert checked(script, tmp_path, config) == (0, "")


def mounted(source: Path, destination: str = "/data", *options: str) -> dict[str, Any]:
    config = deepcopy(PLAIN)
    mount = {"destination": destination, "type": "bind", "source": str(source), "options": ["rbind", *options]}
    config["mounts"].append(mount)
    return config


@pytest.mark.parametrize(
    ("target", "taken"),
    [
        ("/", False),
        ("../../../../etc", False),
        (f"../../../{ID.replace('3', '4')}/web/secrets", False),  # another allocation's
        ("data", True),
        ("../../alloc/data", True),
    ],
)
def test_a_volume_stays_in_its_allocation(script: ModuleType, tmp_path: Path, target: str, *, taken: bool) -> None:
    """The sources of binds are below the allocation by name; a task before may have put a symbolic link there."""
    link = tmp_path / "alloc" / ID / "web/local/link"
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    code, said = checked(script, tmp_path, mounted(link))
    assert (code, said) == (
        (0, "")
        if taken
        else (1, "this node starts no container with the volume /data, which leads out of its allocation")
    )
    below, _ = checked(script, tmp_path, mounted(link / "nomad"))
    assert below == code


# What Nomad itself mounts into a docker task (drivers/docker/driver.go, containerBinds and createContainerConfig;
# drivers/shared/hostnames/mount.go; drivers/shared/resolvconf/mount.go), beside alloc/logs from 2.0.1.
OF_NOMAD = [
    ("alloc", "/alloc"), ("web/local", "/local"), ("web/secrets", "/secrets"),
    ("hosts", "/etc/hosts"), ("web/resolv.conf", "/etc/resolv.conf"),
]  # fmt: skip
FOR_TASKS = ["alloc/data", "alloc/tmp/x", "web/local/x", "web/secrets/key.pem", "web/tmp", "sh/local"]
# The root of an exec task has hard links to the node's programs (client/allocdir/fs_unix.go, linkOrCopy).
OF_THE_NODE = [
    "",
    "web",
    "sh",
    "sh/usr/bin",
    "sh/etc/resolv.conf",
    "sh/private",
    "web/private",
    "sh/alloc",
    "local",
]
OUTSIDE = (
    "this node starts no container with the volume /data, which is outside of alloc/, local/, secrets/ and tmp/"
)
OF_LOGS = "this node starts no container with the volume /data, which makes the folder of the task logs writable"


def test_what_nomad_mounts_itself_is_taken(script: ModuleType, tmp_path: Path) -> None:
    for source, destination in OF_NOMAD:
        path = tmp_path / "alloc" / ID / source
        path.parent.mkdir(parents=True, exist_ok=True)
        if destination.startswith("/etc/"):
            path.touch()
        assert checked(script, tmp_path, mounted(path, destination)) == (0, ""), source


def test_nomads_mount_of_the_logs_is_taken(script: ModuleType, tmp_path: Path) -> None:
    config = mounted(tmp_path / "alloc" / ID / "alloc/logs", "/alloc/logs", "ro")
    assert checked(script, tmp_path, config) == (0, "")


def test_a_file_of_nomads_is_no_folder_and_no_file_of_the_node(script: ModuleType, tmp_path: Path) -> None:
    """A task may be called "hosts" or "."."""
    folder = tmp_path / "alloc" / ID
    (folder / "hosts").mkdir(parents=True)
    (folder / "etc").mkdir()
    (tmp_path / "of-the-node").touch()
    (folder / "etc/resolv.conf").hardlink_to(tmp_path / "of-the-node")
    for source in ("hosts", "etc/resolv.conf"):
        assert checked(script, tmp_path, mounted(folder / source)) == (1, OUTSIDE)


@pytest.mark.parametrize("source", FOR_TASKS)
def test_a_volume_may_show_the_folders_for_tasks(script: ModuleType, tmp_path: Path, source: str) -> None:
    assert checked(script, tmp_path, mounted(tmp_path / "alloc" / ID / source)) == (0, "")


@pytest.mark.parametrize(
    ("source", "options", "taken"),
    [
        ("sh/local", (), False),
        ("sh/tmp/x", (), False),
        ("sh/local", ("ro",), True),
        ("web/tmp", (), True),
        ("alloc/local", (), True),
    ],
)
def test_a_volume_writes_into_no_folder_of_another_task(
    script: ModuleType, tmp_path: Path, source: str, options: tuple[str, ...], *, taken: bool
) -> None:
    """An exec task may have renamed its usr/ to local/. Its own folders, and others read-only, a task may have."""
    folder = tmp_path / "alloc" / ID
    config = mounted(folder / "web/local", "/local")
    config["mounts"] += mounted(folder / source, "/data", *options)["mounts"][-1:]
    reason = "this node starts no container with volumes that write into another task's folders"
    assert checked(script, tmp_path, config) == ((0, "") if taken else (1, reason))


@pytest.mark.parametrize("options", [(), ("ro",)])
@pytest.mark.parametrize("source", OF_THE_NODE)
def test_a_volume_shows_no_root_of_a_task(
    script: ModuleType, tmp_path: Path, source: str, options: tuple[str, ...]
) -> None:
    config = mounted(tmp_path / "alloc" / ID / source, "/data", *options)
    assert checked(script, tmp_path, config) == (1, OUTSIDE)


def test_a_link_leads_into_no_root_of_a_task(script: ModuleType, tmp_path: Path) -> None:
    link = tmp_path / "alloc" / ID / "alloc/data/link"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../sh/usr")
    assert checked(script, tmp_path, mounted(link / "bin")) == (1, OUTSIDE)


# An exec task called "." has the folder of its allocation as its root (client/allocdir/task_dir.go, newTaskDir).
# alloc/ and the folders of other tasks in it may be its usr/ under another name.
OF_ROOT = 'this node starts no container with a task called "." in its allocation'


@pytest.mark.parametrize(("source", "destination"), OF_NOMAD[:3])
def test_an_allocation_whose_folder_is_the_root_of_a_task(
    script: ModuleType, tmp_path: Path, source: str, destination: str
) -> None:
    """Nomad gives the root of a task the mode 0777 (Build). With Nomad's own, 0755, the mount is taken."""
    config = mounted(tmp_path / "alloc" / ID / source, destination)
    assert checked(script, tmp_path, config) == (0, "")
    (tmp_path / "alloc" / ID).chmod(0o777)
    assert checked(script, tmp_path, config) == (1, OF_ROOT)


@pytest.mark.parametrize("name", ["private", "secrets"])
def test_that_root_made_to_look_like_another(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A script check of that task, as root, may give the folder the mode 0755. It cannot end a mount."""
    folder = tmp_path / "alloc" / ID / name
    folder.mkdir()  # control: a task may be called so
    config = mounted(tmp_path / "alloc" / ID / "alloc", "/alloc")
    assert checked(script, tmp_path, config) == (0, "")
    monkeypatch.setattr(script.os.path, "ismount", lambda path: Path(path) == folder)
    assert checked(script, tmp_path, config) == (1, OF_ROOT)


def test_the_folder_of_another_allocation_is_not_looked_at(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "alloc" / "of-another").mkdir(mode=0o777)
    assert checked(script, tmp_path, mounted(tmp_path / "alloc" / ID / "alloc", "/alloc")) == (0, "")


@pytest.mark.parametrize("source", ["alloc", "alloc/logs", "alloc/logs/x"])
def test_a_volume_of_the_logs_is_read_only(script: ModuleType, tmp_path: Path, source: str) -> None:
    folder = tmp_path / "alloc" / ID / source
    assert checked(script, tmp_path, mounted(folder, "/data", "ro")) == (0, "")
    assert checked(script, tmp_path, mounted(folder)) == (1, OF_LOGS)


def test_all_reasons_are_named(script: ModuleType, tmp_path: Path) -> None:
    config = without("pid")
    config["linux"]["devices"] = [{"path": "/dev/sda", "type": "b", "major": 8, "minor": 0}]
    _, said = checked(script, tmp_path, config)
    assert said.endswith("with the node's own pid namespace, the device /dev/sda (b 8:0)")
