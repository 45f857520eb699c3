#!/usr/bin/env bash
# Print what a run could leave on this machine, in a form that `diff` can compare: namespaces, links, routes, rules,
# mounts, nspawn and slirp processes, control groups, emulators' folders.
set -euo pipefail
section() { printf '[%s]\n' "$1"; }

section namespaces; ls /run/netns 2>/dev/null || true
section links; ip -brief link | awk '{print $1}' | sort
section addresses; ip -brief address | awk '{$2 = ""; print}' | sort
section routes; ip route show table all | sort
section rules; ip rule show
section nftables; nft list ruleset 2>/dev/null || true
section forwarding; cat /proc/sys/net/ipv4/ip_forward
section mounts; awk '{print $2, $3}' /proc/mounts | grep -v '^/run/netns ' | sort
section processes
# shellcheck disable=SC2009 # pgrep cannot print names alone
ps -eo comm= | grep -E '^(systemd-nspawn|slirp4netns|systemd|nsenter|packer|consul|nomad)' | sort | uniq -c || true
section propagate; ls /run/systemd/nspawn/propagate 2>/dev/null || true
section cgroups; find /sys/fs/cgroup -maxdepth 2 -type d -name 'bakery*' | sort
section folders; find "${XDG_DATA_HOME:-$HOME/.local/share}/bakery/emulator" -mindepth 1 -type d 2>/dev/null | sort || true
