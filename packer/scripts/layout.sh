#!/usr/bin/env bash
# Create users, bakery's files, and the folders for keys, which are private before a key is written into them.
set -euo pipefail
umask 022

add_user() {
    getent passwd "$1" >/dev/null || useradd --system --user-group --home-dir "$2" --no-create-home \
        --shell /usr/sbin/nologin "$1"
}

add_user consul /opt/consul
add_user nomad /opt/nomad
add_user traefik /var/lib/traefik
add_user dnsmasq /nonexistent # Debian's package creates it too
add_user task-files /nonexistent # owns /opt/task-root

# A unit without its program is not valid.
if [[ -z $TRAEFIK_VERSION ]]; then
    rm -f "$STAGE"/systemd-units/traefik*
fi

# Set the modes here: a wheel does not keep all modes of the checkout.
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

systemd-tmpfiles --create /usr/lib/tmpfiles.d/bakery.conf
