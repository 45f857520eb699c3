#!/usr/bin/env bash
# Users, folders and our own files. Folders that will hold keys are narrow before anything is written into them.
set -euo pipefail
umask 022

add_user() {
    getent passwd "$1" >/dev/null || useradd --system --user-group --home-dir "$2" --no-create-home \
        --shell /usr/sbin/nologin "$1"
}

add_user consul /opt/consul
add_user nomad /opt/nomad

install -d -o root -g consul -m 0750 /etc/consul.d /etc/consul.d/tls
install -d -o root -g nomad -m 0750 /etc/nomad.d /etc/nomad.d/tls
install -d -o consul -g consul -m 0750 /opt/consul
install -d -o nomad -g nomad -m 0750 /opt/nomad
install -d -o root -g root -m 0755 /opt/cni /opt/cni/bin /etc/bakery

# Modes come from here and not from the checkout: a wheel does not keep them all.
rm -f "$STAGE/files/README.md"
find "$STAGE/files" -type f -printf '%P\0' | while IFS= read -r -d '' path; do
    mode=0644
    if [[ $(head --bytes=2 "$STAGE/files/$path") == '#!' ]]; then
        mode=0755
    fi
    install -D -o root -g root -m "$mode" "$STAGE/files/$path" "/$path"
done
find "$STAGE/systemd-units" -type f ! -name README.md -printf '%P\0' | while IFS= read -r -d '' path; do
    install -D -o root -g root -m 0644 "$STAGE/systemd-units/$path" "/etc/systemd/system/$path"
done
