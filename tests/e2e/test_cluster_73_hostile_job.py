"""Jobs that try to leave their task: each try has the answer it must get, and a control in which it succeeds.

What an exec task can do to the files of its node is in test_cluster_20_jobs, the metadata service in
test_cluster_30_docker and test_cluster_60_reboot, Consul's tokens in test_cluster_27_identity.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakery.config.versions import parse_version
from tests.helpers.cluster_e2e import Cluster
from tests.helpers.hostile_job import Outcome, Try, hostile_image, outcomes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CLIENT = "demo-nomad-client-2"
LINK = ("/bin/ln", "-s", "/", "${NOMAD_ALLOC_DIR}/data/link")
# What busybox needs, and runc after it has set the profile.
CALLS = [
    "access", "arch_prctl", "brk", "capget", "capset", "chdir", "clock_gettime", "clock_nanosleep", "close",
    "dup", "dup2", "dup3", "execve", "exit", "exit_group", "faccessat", "faccessat2", "fcntl", "fstat",
    "fstatfs", "futex", "getcwd", "getdents64", "getegid", "geteuid", "getgid", "getgroups", "getpgrp",
    "getpid", "getppid", "getrandom", "gettid", "getuid", "ioctl", "lseek", "lstat", "mmap", "mprotect",
    "munmap", "nanosleep", "newfstatat", "open", "openat", "pipe", "pipe2", "poll", "prctl", "prlimit64",
    "read", "readlink", "readlinkat", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "sched_getaffinity", "sched_yield", "sendfile", "set_robust_list", "set_tid_address", "setgid",
    "setgroups", "setresgid", "setresuid", "setuid", "sigaltstack", "stat", "statfs", "tgkill", "umask",
    "uname", "wait4", "write",
]  # fmt: skip
SYS_ADMIN = 1 << 21
"""capabilities(7), linux/capability.h"""
FORK = {"index": 0, "value": 0x7E020000, "op": "SCMP_CMP_MASKED_EQ"}


def profile(name: str, *calls: str, silent: Sequence[str] = (), refused: str = "") -> Try:
    """A container with a seccomp profile of the job's own, which refuses by default, as it must.

    ``silent`` calls are not made, but return success.
    """
    allowed = [each for each in (*CALLS, *calls) if each not in silent]
    rules: list[dict[str, Any]] = [{"names": allowed, "action": "SCMP_ACT_ALLOW"}]
    if silent:
        rules.append({"names": list(silent), "action": "SCMP_ACT_ERRNO", "errnoRet": 0})
    if "clone" not in calls:
        rules.append({"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [FORK]})
    text = json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules})
    return Try(
        name=name,
        config={"security_opt": ["seccomp=/opt/nomad/alloc/${NOMAD_ALLOC_ID}/try/local/profile.json"]},
        task={"Templates": [{"EmbeddedTmpl": text, "DestPath": "local/profile.json"}]},
        refused=refused,
    )


def template(name: str, text: str) -> Try:
    """An exec task with a template that calls a function."""
    return Try(
        name=name,
        driver="exec",
        config={"command": "/bin/true"},
        task={"Templates": [{"EmbeddedTmpl": text, "DestPath": "local/x"}]},
        refused="function is disabled",
    )


# The node itself refuses these, because Nomad below 2.0.4 passes them on, and every version passes on devices
# (packer/files/usr/local/lib/bakery/check-container).
OF_THE_NODE = (
    Try(
        name="host-pid",
        config={"pid_mode": "host"},
        refused="the node's own pid namespace",
        from_2_0_4='cannot apply "pid_mode"',
    ),
    Try(
        name="host-ipc",
        config={"ipc_mode": "host"},
        refused="the node's own ipc namespace",
        from_2_0_4='cannot apply "ipc_mode"',
    ),
    Try(
        name="host-uts",
        config={"uts_mode": "host"},
        refused="the node's own uts namespace",
        from_2_0_4='cannot apply "uts_mode"',
    ),
    Try(
        name="symbolic-link",
        config={"volumes": ["../alloc/data/link:/x"]},
        before={"command": LINK[0], "args": LINK[1:]},
        refused="the volume /x, which leads out of its allocation",
        from_2_0_4="volumes are not enabled; cannot mount host path",
    ),
    Try(
        name="task-root",  # its files are hard links to the node's
        config={"volumes": ["../before/usr/bin:/x"]},
        before={"command": "/bin/true"},
        refused="the volume /x, which is outside of alloc/, local/, secrets/ and tmp/",
    ),
    Try(
        name="task-root-renamed",  # the root of an exec task may be written by its program
        config={"volumes": ["../before/local:/x"]},
        before={"command": "/bin/sh", "args": ["-c", "mv /local /another && mv /usr /local"]},
        refused="volumes that write into another task's folders",
    ),
    Try(
        name="task-root-allocation",  # the root of this exec task is the folder of the allocation
        before={"command": "/bin/true"},
        before_name=".",
        refused='a task called "." in its allocation',
    ),
    Try(
        name="task-logs",
        config={"volumes": ["../alloc/logs:/x"]},
        refused="the volume /x, which makes the folder of the task logs writable",
    ),
    Try(
        name="device",  # a droplet of the emulator has no block device; /dev/full stands for /dev/vda
        config={"devices": [{"host_path": "/dev/full", "container_path": "/dev/of-the-node"}]},
        refused="the device /dev/of-the-node (c 1:7)",
    ),
    Try(
        name="device-files",
        task={"CSIPluginConfig": {"ID": "hostile", "Type": "node", "MountDir": "/csi"}},
        refused="the node's /dev at /dev",
    ),
    Try(name="seccomp", config={"security_opt": ["seccomp=unconfined"]}, refused="seccomp switched off"),
    profile(
        "profile", "clone", "unshare", refused="a seccomp profile that allows more than docker's: clone unshare"
    ),
    # With these runc takes the capabilities from the container's first process.
    profile(
        "silent",
        silent=("capset", "prctl"),
        refused="a seccomp profile in which a system call fails without an error",
    ),
)
# Nomad refuses these, with the plugins' configuration that bakery writes (render/nomad_config.py).
OF_NOMAD = (
    Try(name="privileged", config={"privileged": True}, refused="privileged mode is disabled"),
    Try(name="capability", config={"cap_add": ["sys_admin"]}, refused="does not allow the following capabilities"),
    Try(name="raw-packets", config={"cap_add": ["net_raw"]}, refused="does not allow the following capabilities"),
    Try(name="volume", config={"volumes": ["/:/x"]}, refused="volumes are not enabled"),
    Try(name="volume-above", config={"volumes": ["../../../../..:/x"]}, refused="volumes are not enabled"),
    Try(
        name="bind",
        config={"mount": [{"type": "bind", "source": "/", "target": "/x"}]},
        refused="volumes are not enabled",
    ),
    Try(
        name="local-volume",
        config={
            "mount": [
                {
                    "type": "volume",
                    "target": "/x",
                    "volume_options": [
                        {
                            "driver_config": [
                                {"name": "local", "options": [{"type": "none", "o": "bind", "device": "/"}]}
                            ]
                        }
                    ],
                }
            ]
        },
        refused="volumes are not enabled",
    ),
    Try(
        name="exec-capability",
        driver="exec",
        config={"command": "/bin/true", "cap_add": ["sys_admin"]},
        refused="does not allow the following capabilities",
    ),
    Try(
        name="exec-root",
        driver="exec",
        config={"command": "/bin/true"},
        task={"User": "root"},
        refused='running as user "root" is disallowed',
    ),
    template("template-file", '{{ file "/etc/nomad.d/client.json" }}'),
    template("template-leaf", '{{ caLeaf "web" }}'),
    template("template-plugin", '{{ plugin "/bin/id" }}'),
    template("template-key", '{{ pkiCert "a" }}'),
    Try(
        name="template-source",
        driver="exec",
        config={"command": "/bin/true"},
        task={"Templates": [{"SourcePath": "/etc/shadow", "DestPath": "local/x"}]},
        refused="template source path escapes alloc directory",
    ),
    Try(
        name="artifact-file",
        driver="exec",
        config={"command": "/bin/true"},
        task={"Artifacts": [{"GetterSource": "file:///etc/shadow", "RelativeDest": "local/"}]},
        refused="download not supported for scheme 'file'",
    ),
)
# What an exec task with its node's processes sees of them, and which ways lead from it to the node's programs.
# The beginning of a program that tries what it may not do.
ANSWER = """
import errno, json, os
def answer(call):
    try:
        call()
        return "done"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
"""
LOOK = (
    ANSWER
    + """
import socket, ssl
def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
def https(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=5)) as client:
            client.sendall(b"GET /v1/status/leader HTTP/1.0\\r\\n\\r\\n")
            return client.recv(64).decode()
    except ssl.SSLError as error:
        return error.reason
def api(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.environ["NOMAD_SECRETS_DIR"] + "/api.sock")
        token = os.environ["NOMAD_TOKEN"]
        client.sendall(f"GET {path} HTTP/1.0\\r\\nHost: x\\r\\nX-Nomad-Token: {token}\\r\\n\\r\\n".encode())
        return int(client.recv(4096).split()[1])
def others():
    for name in filter(str.isdigit, os.listdir("/proc")):
        if answer(lambda: os.stat(f"/proc/{name}")) == "done" and os.stat(f"/proc/{name}").st_uid != os.getuid():
            yield name
seen = list(others())
print(json.dumps({
    "processes": len(seen) > 10,
    "environments": [name for name in seen if answer(lambda: open(f"/proc/{name}/environ").read()) == "done"],
    "memories": [name for name in seen if answer(lambda: open(f"/proc/{name}/mem", "rb")) == "done"],
    "open files": [name for name in seen if answer(lambda: os.readlink(f"/proc/{name}/fd/0")) == "done"],
    "roots": [name for name in seen if answer(lambda: os.listdir(f"/proc/{name}/root")) == "done"],
    "kill": answer(lambda: os.kill(1, 0)),
    "setuid": answer(lambda: os.setuid(999)),
    "vsock": answer(lambda: socket.socket(socket.AF_VSOCK)),
    "packet": answer(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "docker": answer(lambda: connect("/var/run/docker.sock")),
    "containerd": answer(lambda: connect("/run/containerd/containerd.sock")),
    "consul": https(8501),
    "nomad": https(4646),
    "own variable": api("/v1/var/nomad/jobs/hostile"),
    "another's variable": api("/v1/var/nomad/jobs/probe-other"),
    "tokens": api("/v1/acl/tokens"),
    "snapshot": api("/v1/operator/snapshot"),
}))
"""
)
LOOKING = Try(
    name="looking",
    driver="exec",
    config={"command": "/usr/bin/python3", "args": ["-c", LOOK], "pid_mode": "host"},
    task={"Identity": {"Env": True}, "Resources": {"CPU": 100, "MemoryMB": 64}},
)
SEEN = {
    "processes": True,  # control: it sees them
    "environments": [],
    "memories": [],
    "open files": [],
    "roots": [],
    "kill": "EPERM",
    "setuid": "EPERM",
    "vsock": "EAFNOSUPPORT",
    "packet": "EPERM",
    "docker": "ENOENT",
    "containerd": "ENOENT",
    "consul": "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "nomad": "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "own variable": 200,
    "another's variable": 403,
    "tokens": 403,
    "snapshot": 403,
}
# Nomad runs a script check as root. What it has seen is printed by the program of the task.
CHECK = (
    ANSWER
    + """
# A thread of the kernel has no program, and no memory: to open its files shows nothing.
def has_program(name):
    try:
        with open(f"/proc/{name}/cmdline", "rb") as stream:
            return stream.read(1) != b""
    except OSError:
        return False
own = str(os.getpid())
others = [name for name in filter(str.isdigit, os.listdir("/proc")) if name != own and has_program(name)]
seen = {
    "uid": os.getuid(),
    "processes": len(others) > 10,
    "environments": [name for name in others if answer(lambda: open(f"/proc/{name}/environ").read(1)) == "done"],
    "memories": [name for name in others if answer(lambda: open(f"/proc/{name}/mem", "rb")) == "done"],
    "open files": [name for name in others if answer(lambda: os.readlink(f"/proc/{name}/fd/0")) == "done"],
    "roots": [name for name in others if answer(lambda: os.listdir(f"/proc/{name}/root")) == "done"],
    "program": answer(lambda: open("/usr/bin/yes", "r+b")),
    "names": answer(lambda: open("/etc/passwd", "r+b")),
    "chmod": answer(lambda: os.chmod("/usr/bin/yes", 0o777)),
}
with open("/alloc/data/new", "w") as stream:
    json.dump(seen, stream)
os.rename("/alloc/data/new", "/alloc/data/seen")
"""
)
WAIT = """
import os, time
end = time.monotonic() + 60
while not os.path.exists("/alloc/data/seen") and time.monotonic() < end:
    time.sleep(0.5)
print(open("/alloc/data/seen").read(), flush=True)
time.sleep(2)
"""
SCRIPT = {"Type": "script", "Name": "script", "Command": "/usr/bin/python3", "Args": ["-c", CHECK]}
CHECKED = Try(
    name="checked",
    driver="exec",
    config={"command": "/usr/bin/python3", "args": ["-c", WAIT], "pid_mode": "host"},
    task={
        "Services": [
            {"Name": "hostile", "Provider": "consul", "Checks": [SCRIPT | {"Interval": 10**9, "Timeout": 10**10}]}
        ],
        "Resources": {"CPU": 100, "MemoryMB": 64},
    },
)
SEEN_BY_THE_CHECK = {
    "uid": 0,  # control: no user of its own stops it
    "processes": True,  # control: it sees them
    "environments": [],
    "memories": [],
    "open files": [],
    "roots": [],
    "program": "EACCES",
    "names": "EACCES",
    "chmod": "EPERM",
}
# The task prints more than a log file holds, so that Nomad opens the next one, which is a link by then.
WRITTEN = "/opt/nomad/written-by-a-task"
FLOOD = f"""
import os, sys, time
os.symlink("{WRITTEN}", "/alloc/logs/try.stdout.1")
for _ in range(1200):
    sys.stdout.write("x" * 1023 + "\\n")
    sys.stdout.flush()
time.sleep(2)
"""
FLOODING = Try(
    name="flooding",
    driver="exec",
    config={"command": "/usr/bin/python3", "args": ["-c", FLOOD]},
    task={
        "LogConfig": {"MaxFiles": 2, "MaxFileSizeMB": 1},
        "Resources": {"CPU": 100, "MemoryMB": 64, "DiskMB": 10},
    },
)
# The task ends once. Before it starts again, Nomad opens the log of its executor, which is a link by then.
WRITTEN_AGAIN = "/opt/nomad/written-by-an-executor"
RELINK = f"""
import os
if os.path.islink("/executor.out"):
    raise SystemExit(0)
os.rename("/executor.out", "/executor.old")
os.symlink("{WRITTEN_AGAIN}", "/executor.out")
raise SystemExit(1)
"""
RELINKING = Try(
    name="relinking",
    driver="exec",
    config={"command": "/usr/bin/python3", "args": ["-c", RELINK]},
    task={
        "RestartPolicy": {"Attempts": 1, "Interval": 24 * 3600 * 10**9, "Delay": 10**9, "Mode": "fail"},
        "Resources": {"CPU": 100, "MemoryMB": 64},
    },
)
OWN_NULL = Try(  # runc gives the standard input to this user
    name="own-null",
    config={"volumes": ["../alloc/data/null:/dev/null"]},
    task={"User": "1000"},
    before={"command": "/bin/sh", "args": ["-c", "touch /alloc/data/null; chmod 666 /alloc/data/null"]},
)
NULL = "stat --format='%a %u' /dev/null"
PLAIN = Try(name="plain")  # control: what the tries ask for is what makes them fail
STRICTER = profile("stricter")  # and a profile of the job's own that allows less than docker's
DOCKER = [each for each in (*OF_THE_NODE, *OF_NOMAD) if each.driver == "docker"]


@pytest.fixture(scope="module")
def image_url(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with hostile_image(cluster, tmp_path_factory.mktemp("image")) as url:
        yield url


@pytest.fixture(scope="module")
def variables(cluster: Cluster) -> Iterator[None]:
    paths = ("nomad/jobs/hostile", "nomad/jobs/probe-other")
    for path in paths:
        cluster.tool("nomad", "var", "put", "-force", path, "word=canary")
    yield
    for path in paths:
        cluster.tool("nomad", "var", "purge", path)


@pytest.fixture(scope="module")
def version(cluster: Cluster) -> tuple[int, int, int]:
    """Nomad's on the clients."""
    found = parse_version(cluster.nomad_json("node", "status", "-json")[0]["Version"])
    assert found is not None
    return found


@pytest.fixture(scope="module")
def found(
    cluster: Cluster, image_url: str, variables: None, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Outcome]:
    tries = (*OF_THE_NODE, *OF_NOMAD, LOOKING, CHECKED, FLOODING, RELINKING, OWN_NULL, PLAIN, STRICTER)
    return outcomes(cluster, tmp_path_factory.mktemp("job"), tries, image_url=image_url, node=CLIENT)


@pytest.mark.parametrize("each", [*OF_THE_NODE, *OF_NOMAD], ids=lambda each: each.name)
def test_the_try_is_refused(found: Mapping[str, Outcome], version: tuple[int, int, int], each: Try) -> None:
    outcome = found[each.name]
    assert each.expected(version) in outcome.events
    assert outcome.output == ""


@pytest.mark.parametrize("name", ["plain", "stricter"])
def test_a_container_that_asks_for_nothing_more_starts(found: Mapping[str, Outcome], name: str) -> None:
    lines = found[name].output.splitlines()
    assert (lines[0], lines[2]) == ("ran", "busybox")
    assert not bounding_set(lines) & SYS_ADMIN
    assert "unshared" not in lines


def bounding_set(lines: Sequence[str]) -> int:
    """Return the capabilities that the second line shows, as the kernel's bits."""
    return int(lines[1].split()[1], 16)


def test_an_exec_task_among_the_nodes_processes_gets_nothing_from_them(found: Mapping[str, Outcome]) -> None:
    assert json.loads(found["looking"].output) == SEEN


def test_a_script_check_is_root_and_writes_no_program_of_other_tasks(found: Mapping[str, Outcome]) -> None:
    assert json.loads(found["checked"].output) == SEEN_BY_THE_CHECK, found["checked"].events


@pytest.mark.e2e_sweep
def test_it_would_if_root_owned_them(cluster: Cluster, image_url: str, tmp_path: Path) -> None:
    """Control."""
    cluster.inside(CLIENT, "chown -hR root /opt/task-root")
    try:
        ran = outcomes(cluster, tmp_path, [CHECKED], image_url=image_url, node=CLIENT)
    finally:
        cluster.inside(CLIENT, "sh /usr/local/lib/bakery/task-root all")
    told = json.loads(ran["checked"].output)
    assert (told["uid"], told["program"], told["names"]) == (0, "done", "done")


@pytest.mark.usefixtures("found")
def test_links_among_a_tasks_logs(cluster: Cluster, version: tuple[int, int, int]) -> None:
    """HCSEC-2026-14: with Nomad below 2.0.1 the node's file is written, by root. docs/weaknesses.md says so."""
    look = f"stat --format=%U {WRITTEN}; rm -f {WRITTEN}"
    assert cluster.inside(CLIENT, look, check=False).stdout == ("root\n" if version < (2, 0, 1) else "")


@pytest.mark.usefixtures("found")
def test_links_in_place_of_nomads_own_files(cluster: Cluster) -> None:
    """No known version of Nomad refuses them. When one does, docs/weaknesses.md has a line less to say."""
    look = f"stat --format=%U {WRITTEN_AGAIN}; rm -f {WRITTEN_AGAIN}"
    assert cluster.inside(CLIENT, look, check=False).stdout == "root\n"


def test_a_container_does_not_get_the_nodes_null_device(cluster: Cluster, found: Mapping[str, Outcome]) -> None:
    """Its control is in the next test."""
    assert "Exit Code: 0" in found["own-null"].events
    assert cluster.inside(CLIENT, NULL).stdout == "666 0\n"


@contextmanager
def without_the_check(cluster: Cluster) -> Iterator[None]:
    """Let containerd start containers with the distribution's runc."""
    cluster.inside(CLIENT, "mv /usr/local/sbin/runc /run/runc-with-check")
    try:
        yield
    finally:
        cluster.inside(CLIENT, "mv /run/runc-with-check /usr/local/sbin/runc")


def test_without_the_nodes_check_its_tries_succeed(
    cluster: Cluster, image_url: str, version: tuple[int, int, int], tmp_path: Path
) -> None:
    """Control of those that Nomad passes on."""
    passed_on = [each for each in OF_THE_NODE if not (each.from_2_0_4 and version >= (2, 0, 4))]
    with without_the_check(cluster):
        ran = outcomes(cluster, tmp_path, [*passed_on, OWN_NULL], image_url=image_url, node=CLIENT)
    assert cluster.inside(CLIENT, f"{NULL}; chown root /dev/null; chmod 666 /dev/null").stdout != "666 0\n"
    assert "Exit Code: 0" in ran.pop("own-null").events
    lines = {name: outcome.output.splitlines() for name, outcome in ran.items()}
    assert {name: ran[name].events for name, said in lines.items() if said[:1] != ["ran"]} == {}
    assert "/dev/of-the-node" in lines["device"]
    assert "unshared" in lines["profile"]
    assert bounding_set(lines["silent"]) & SYS_ADMIN
    assert not bounding_set(lines["profile"]) & SYS_ADMIN
    if version < (2, 0, 4):
        assert "systemd" in lines["host-pid"]
        assert CLIENT in lines["host-uts"]
        assert "/x/etc/nomad.d/client.json" in lines["symbolic-link"]


CONFIGURED: dict[str, Any] = {
    "plugin": {
        "docker": {"config": {"allow_privileged": True, "volumes": {"enabled": True}, "allow_caps": ["all"]}},
        "exec": {"config": {"allow_caps": ["all"], "denied_host_uids": ""}},
    },
    "client": {
        "options": {"user.denylist": "nobody-at-all"},
        "template": {"disable_file_sandbox": True, "function_denylist": []},
    },
}
"""What bakery's configuration of a client would be if it protected nothing. No configuration allows artifacts from
files, or a template's source outside of its allocation while the sandbox is on."""


@contextmanager
def unprotected(cluster: Cluster, task_root: Mapping[str, str] | None = None) -> Iterator[None]:
    """A client with this configuration. ``task_root``: files of the node that exec tasks get into their root."""
    file, restart = "/etc/nomad.d/zz-control.json", "systemctl restart nomad-client"
    client = CONFIGURED["client"] | ({"chroot_env": task_root} if task_root else {})
    text = json.dumps(CONFIGURED | {"client": client})
    cluster.inside(CLIENT, f"cat >{file} <<'JSON'\n{text}\nJSON\n{restart}")
    try:
        cluster.wait_ready(CLIENT)
        yield
    finally:
        cluster.inside(CLIENT, f"rm {file}; {restart}")
        cluster.wait_ready(CLIENT)


@pytest.mark.e2e_sweep
def test_without_bakerys_configuration_nomads_tries_succeed(
    cluster: Cluster, image_url: str, tmp_path: Path
) -> None:
    """Control of those that Nomad refuses."""
    tries = [each for each in OF_NOMAD if each.name != "artifact-file"]
    # There are no service and no Vault from which Nomad could get what two of the templates then ask for.
    waits = "Missing: "
    with unprotected(cluster), without_the_check(cluster):
        ran = outcomes(cluster, tmp_path, tries, image_url=image_url, node=CLIENT, waits=waits)
    wrong = {each.name: ran[each.name] for each in tries if each.refused in ran[each.name].events}
    assert wrong == {}
    for name in ("volume", "volume-above", "bind", "local-volume"):
        assert "/x/etc/nomad.d/client.json" in ran[name].output


# Nomad's default root of a task has all of /etc. These capabilities are the least with which LOOK gets something.
NOMADS_ROOT = {"/etc/nomad.d": "/etc/nomad.d", "/etc/consul.d": "/etc/consul.d"}
FINDING = Try(
    name="finding", driver="exec", config={"command": "/usr/bin/find", "args": ["/etc", "-name", "agent-key.pem"]}
)


@pytest.mark.e2e_sweep
def test_with_nomads_own_configuration_an_exec_task_gets_keys_and_environments(
    cluster: Cluster, image_url: str, variables: None, tmp_path: Path
) -> None:
    """Control of a task among the node's processes, and of a task's root, which test_cluster_20_jobs looks at."""
    looking = replace(LOOKING, config={**LOOKING.config, "cap_add": ["setuid", "kill", "sys_ptrace"]})
    with unprotected(cluster, NOMADS_ROOT):
        ran = outcomes(cluster, tmp_path, [looking, FINDING], image_url=image_url, node=CLIENT)
    said = json.loads(ran["looking"].output)
    assert said["environments"]
    assert said["memories"]
    assert said["open files"]
    assert said["roots"]
    assert (said["kill"], said["setuid"]) == ("done", "done")
    found = ran["finding"].output.split()
    assert {"/etc/nomad.d/tls/agent-key.pem", "/etc/consul.d/tls/agent-key.pem"} <= set(found)


# Files that nothing needs: a program, and a list of names.
WRITE = """
for path in {paths}:
    with open(path, "ab") as stream:
        stream.write(b"written-by-a-task\\n")
print("written")
"""
FILES = ("/etc/protocols", "/usr/bin/yes")
LOOK_FOR_WRITTEN = "grep --count written-by-a-task {files} || true"
UNDO = """
for file in /etc/protocols /usr/bin/yes; do
  if grep --quiet written-by-a-task $file; then truncate --size=-18 $file; fi
  rm -f /opt/task-root$file
done
sh /usr/local/lib/bakery/task-root all
"""


def writing(*paths: str) -> Try:
    words = {"command": "/usr/bin/python3", "args": ["-c", WRITE.format(paths=paths)]}
    resources = {"CPU": 100, "MemoryMB": 64}
    return Try(name="writing", driver="exec", config=words, task={"Resources": resources})


def written(cluster: Cluster, *files: str) -> dict[str, int]:
    """How often the task's line is in each of these files of the node."""
    said = cluster.inside(CLIENT, LOOK_FOR_WRITTEN.format(files=" ".join(files))).stdout
    return {name: int(count) for name, _, count in (line.rpartition(":") for line in said.splitlines())}


@pytest.mark.e2e_sweep
def test_an_exec_task_with_the_rights_of_root_writes_no_program_of_the_node(
    cluster: Cluster, image_url: str, tmp_path: Path
) -> None:
    """With Nomad's own capabilities, as if the restrictions failed, a task writes each file of its root.

    Those are copies, which exec tasks share. Control: with files of the node in its root, it writes these.
    """
    copies = tuple(f"/opt/task-root{file}" for file in FILES)
    own = {"/etc/protocols": "/of-the-node/protocols", "/usr/bin": "/of-the-node/bin"}
    try:
        with unprotected(cluster):
            ran = outcomes(cluster, tmp_path, [writing(*FILES)], image_url=image_url, node=CLIENT)
            assert ran["writing"].output == "written\n", ran["writing"].events
            # Here, because the next start of Nomad copies names again.
            assert written(cluster, *copies, *FILES) == dict.fromkeys(copies, 1) | dict.fromkeys(FILES, 0)
        with unprotected(cluster, own):
            job = writing("/of-the-node/protocols", "/of-the-node/bin/yes")
            ran = outcomes(cluster, tmp_path, [job], image_url=image_url, node=CLIENT)
        assert ran["writing"].output == "written\n", ran["writing"].events
        assert written(cluster, *FILES) == dict.fromkeys(FILES, 1)
    finally:
        cluster.inside(CLIENT, UNDO)
