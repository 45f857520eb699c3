#!/usr/bin/env bash
# Install consul, nomad, the CNI plugins and, in an image for ingress nodes, Traefik: uploaded or downloaded here, after
# checking the pinned SHA256.
set -euo pipefail

check() {
    local file=$1 sha256=$2
    if ! sha256sum --check --status <<<"$sha256  $file"; then
        echo "$(basename "$file") does not have the SHA256 $sha256" >&2
        exit 1
    fi
}

download() {
    local url=$1 file=$2
    # No redirect leads from TLS to a site without.
    curl --fail --silent --show-error --location --proto '=http,https' --proto-redir "=${url%%:*},https" \
        --connect-timeout 20 --max-time 900 --retry 3 --output "$file" "$url"
}

install_agent() {
    local name=$1 url=$2 sha256=$3
    if [[ -n $url ]]; then
        download "$url" "$STAGE/$name.zip"
        check "$STAGE/$name.zip" "$sha256"
        unzip -q -o "$STAGE/$name.zip" "$name" -d "$STAGE"
    elif [[ -f $STAGE/$name ]]; then
        check "$STAGE/$name" "$sha256"
    else
        echo "$name was not uploaded, and ${name}_url is empty" >&2
        exit 1
    fi
    install -o root -g root -m 0755 "$STAGE/$name" "/usr/local/bin/$name"
}

install_cni() {
    if [[ -n $CNI_URL ]]; then
        download "$CNI_URL" "$STAGE/cni.tar"
    fi
    if [[ ! -f $STAGE/cni.tar ]]; then
        echo "cni.tar was not uploaded, and cni_url is empty" >&2
        exit 1
    fi
    check "$STAGE/cni.tar" "$CNI_SHA256"
    install -d -m 0755 /opt/cni /opt/cni/bin
    tar --extract --file "$STAGE/cni.tar" --directory /opt/cni/bin --no-same-owner
    chown -R root:root /opt/cni/bin
    chmod 0755 /opt/cni/bin /opt/cni/bin/*
}

install_traefik() {
    local traefik=$STAGE/traefik
    if [[ -n $TRAEFIK_URL ]]; then
        download "$TRAEFIK_URL" "$STAGE/traefik.tar"
        check "$STAGE/traefik.tar" "$TRAEFIK_SHA256"
        tar --extract --file "$STAGE/traefik.tar" --directory "$STAGE" --no-same-owner traefik
    elif [[ -f $traefik ]]; then
        check "$traefik" "$TRAEFIK_SHA256"
    else
        echo "traefik was not uploaded, and traefik_url is empty" >&2
        exit 1
    fi
    install -o root -g root -m 0755 "$traefik" /usr/local/bin/traefik
    rm "$traefik"
}

install_agent consul "$CONSUL_URL" "$CONSUL_SHA256"
install_agent nomad "$NOMAD_URL" "$NOMAD_SHA256"
install_cni
if [[ -n $TRAEFIK_VERSION ]]; then
    install_traefik
fi
