#!/usr/bin/env bash
# What the demo needs, said and checked before anything is changed.
set -euo pipefail
source "$(dirname "$0")/common.sh"

source demo/packages.sh

cat <<'TEXT'
bakery demo: a whole Consul + Nomad cluster on this machine, without an account
  needs   Debian 12 or newer (or Ubuntu), root, Python 3.11, 3 GiB of free memory
  time    about 2 minutes when the programs are there; the first run downloads Consul, Nomad and Packer, or
          builds them from Go modules (about 15 minutes on two cores)
  disk    about 4 GiB: programs and base image in ~/.cache/bakery, the droplets in ~/.local/share/bakery
  leaves  nothing running; KEEP=1 keeps the cluster up, `make demo-down` takes it down later
TEXT

[ "$(uname -s)" = Linux ] || fail "this is $(uname -s): droplets boot with systemd-nspawn, which needs Linux" \
  "use a Debian 12 virtual machine for the demo" \
  "here these work: make tour, bakery init, validate, plan, render, and launch on the real DigitalOcean"
command -v apt-get >/dev/null || fail "there is no apt-get here: the base image is made from Debian packages" \
  "use a Debian 12 virtual machine for the demo; make tour works here"
[ "$(id -u)" = 0 ] || fail "booting droplets needs root, and bakery never becomes root by itself" \
  "sudo ${KEEP:+KEEP=1 }make -C $ROOT demo"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || fail "Python 3.11 or newer is needed" \
  "apt-get install python3 python3-venv"

need_mb=4096
have_mb=$(df --output=avail -m "$ROOT" | tail -n 1 | tr -d ' ')
[ "$have_mb" -ge "$need_mb" ] || fail "only $have_mb MiB of disk are free, the demo needs $need_mb" "free some disk"

scripts/install.sh "${DEMO_PACKAGES[@]}"
scripts/venv.sh .venv
