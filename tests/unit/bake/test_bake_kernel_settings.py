"""The kernel settings of the image, against a table written by hand. A node's: test_cluster_29_hosts.py."""

import pytest

from bakery.assets import PACKER

FILE = PACKER / "files/etc/sysctl.d/60-bakery.conf"
# Kernel Self Protection Project (https://kspp.github.io/Recommended_Settings#sysctls), without the settings that
# tasks do not bear (no user namespaces at all, no ptrace, no io_uring) and those that Debian has already.
KERNEL = {
    "kernel.kptr_restrict": 2,
    "kernel.dmesg_restrict": 1,
    "kernel.perf_event_paranoid": 3,
    "kernel.randomize_va_space": 2,
    "kernel.yama.ptrace_scope": 1,
    "fs.protected_hardlinks": 1,
    "kernel.unprivileged_bpf_disabled": 1,
    "net.core.bpf_jit_harden": 2,
    "kernel.unprivileged_userns_clone": 0,
    "dev.tty.ldisc_autoload": 0,
    "dev.tty.legacy_tiocsti": 0,
    "kernel.kexec_load_disabled": 1,
}
# CIS Benchmark for Debian 12, section 3.3, without log_martians, rp_filter and the two that stop forwarding.
IPV4 = {
    "accept_source_route": 0,
    "accept_redirects": 0,
    "secure_redirects": 0,
    "send_redirects": 0,
}
IPV6 = {"accept_source_route": 0, "accept_redirects": 0}
OTHERS = {
    "net.ipv4.icmp_echo_ignore_broadcasts": 1,
    "net.ipv4.icmp_ignore_bogus_error_responses": 1,
    "net.ipv4.tcp_syncookies": 1,
}


def settings() -> list[tuple[str, int]]:
    lines = [line for line in FILE.read_text().splitlines() if line and not line.startswith("#")]
    return [(key.strip().lstrip("-"), int(value)) for key, _, value in (line.partition("=") for line in lines)]


def test_the_settings_are_these() -> None:
    per_interface = {
        f"net.{family}.conf.{which}.{key}": value
        for family, keys in (("ipv4", IPV4), ("ipv6", IPV6))
        for key, value in keys.items()
        for which in ("all", "default")
    }
    assert dict(settings()) == KERNEL | per_interface | OTHERS
    assert len(settings()) == len(dict(settings()))


@pytest.mark.parametrize("word", ["forward", "user.max_user_namespaces", "route_localnet", "bridge-nf"])
def test_what_docker_and_nomad_need_is_left_alone(word: str) -> None:
    assert not [key for key, _ in settings() if word in key]
