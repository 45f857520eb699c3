#!/usr/bin/env bash
# What the snapshot must do, tried on the build droplet. A failure here fails the bake.
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
for program in docker nft iptables python3; do
    command -v "$program" >/dev/null || fail "$program is not installed"
done

for unit in "$STAGE"/systemd-units/*.{service,timer,target,path,socket}; do
    if [[ -f $unit ]]; then
        systemd-analyze verify "/etc/systemd/system/$(basename "$unit")" || fail "$(basename "$unit") is not valid"
    fi
done

# Inert without configuration: asked to start, the agents stay down and do not fail.
for agent in consul nomad; do
    timeout 60 systemctl start "$agent.service" || fail "$agent.service fails without configuration"
    ! systemctl --quiet is-active "$agent.service" || fail "$agent.service runs without configuration"
done
for unit in docker.service docker.socket containerd.service; do
    ! systemctl --quiet is-enabled "$unit" || fail "$unit is enabled"
done
