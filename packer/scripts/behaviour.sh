#!/usr/bin/env bash
# Test on the build droplet what the snapshot must do. A failure fails the bake.
set -euo pipefail

fail() {
    echo "behaviour: $*" >&2
    exit 1
}

expect_version() {
    local expected=$1 answer
    shift
    answer=$("$@" 2>&1) || fail "$* does not run: $answer"
    [[ ${answer%%$'\n'*} == "$expected" ]] || fail "$* says '${answer%%$'\n'*}', not '$expected'"
}

expect_version "Consul v$CONSUL_VERSION" /usr/local/bin/consul version
expect_version "Nomad v$NOMAD_VERSION" /usr/local/bin/nomad version
for plugin in bridge firewall host-local loopback portmap; do
    expect_version "CNI $plugin plugin v$CNI_VERSION" "/opt/cni/bin/$plugin" --version
done
if [[ -n $TRAEFIK_VERSION ]]; then
    answer=$(/usr/local/bin/traefik version) || fail "traefik does not run"
    [[ $answer =~ ^Version:\ +"$TRAEFIK_VERSION"$'\n' ]] || fail "traefik says '${answer%%$'\n'*}', not $TRAEFIK_VERSION"
fi
for program in docker nft iptables python3 dnsmasq git; do
    command -v "$program" >/dev/null || fail "$program is not installed"
done

# containerd starts containers with the first runc in its PATH, which checks them.
[[ $(command -v runc) == /usr/local/sbin/runc ]] || fail "$(command -v runc) comes before /usr/local/sbin/runc"
runc --version >/dev/null || fail "/usr/local/sbin/runc does not find the distribution's runc"

# Where the kernel has AppArmor, docker gives containers its profile if it finds these (moby, profiles/apparmor).
if [[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) == Y ]]; then
    command -v apparmor_parser >/dev/null || fail "the kernel has AppArmor, and apparmor_parser is not installed"
    [[ -d /sys/kernel/security/apparmor ]] || fail "the kernel has AppArmor, and securityfs is not mounted"
fi

left=$(apt-get --simulate upgrade --with-new-pkgs 2>/dev/null | grep '^Inst' | cut --delimiter=' ' --fields=2 || true)
[[ -z $left ]] || fail "the base's packages are not up to date: ${left//$'\n'/ }"

# Without that option (systemd before 250) verify prints problems, but exits with 0.
verify=(systemd-analyze verify --man=no)
if [[ $(systemd-analyze --help) == *--recursive-errors* ]]; then
    verify+=(--recursive-errors=no)
fi
for unit in "$STAGE"/systemd-units/*.{service,timer,target,path,socket}; do
    if [[ -f $unit ]]; then
        name=$(basename "$unit")
        "${verify[@]}" "/etc/systemd/system/$name" || fail "$name is not valid"
    fi
done

# Without configuration a start of the agents does nothing and does not fail.
agents=(consul nomad-server nomad-client bakery-dns bakery-pause)
if [[ -n $TRAEFIK_VERSION ]]; then
    agents+=(traefik)
fi
for agent in "${agents[@]}"; do
    timeout 180 systemctl start "$agent.service" || fail "$agent.service fails without configuration"
    ! systemctl --quiet is-active "$agent.service" || fail "$agent.service runs without configuration"
done
# "user:group mode" of the folders for keys (usr/lib/tmpfiles.d/bakery.conf).
expect_private() {
    local group=$1 path found
    shift
    for path in "$@"; do
        found=$(stat --format='%U:%G %a' "$path")
        [[ $found == "root:$group 750" ]] || fail "$path is $found, not root:$group 750"
    done
}
expect_private consul /etc/consul.d /etc/consul.d/tls
expect_private nomad /etc/nomad.d /etc/nomad.d/tls
expect_private traefik /etc/traefik /etc/traefik/tls /etc/traefik/certificates
found=$(stat --format='%U:%G %a' /run/consul)
# Its ACL shows as x of the group (acl(5)).
[[ $found == "consul:consul 710" ]] || fail "/run/consul is $found, not consul:consul 710"
for unit in docker.service docker.socket containerd.service; do
    ! systemctl --quiet is-enabled "$unit" || fail "$unit is enabled"
done
