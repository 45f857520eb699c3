#!/usr/bin/env bash
# A service found through Consul DNS, a batch job and a system job, on the cluster that `bakery env` points at.
set -euo pipefail
source "$(dirname "$0")/common.sh"
source scripts/beat.sh
server=${CONSUL_HTTP_ADDR#https://}
server=${server%:*}

# Waits until a command prints something, and names what it waited for when that never comes.
until_output() { # WHAT SECONDS COMMAND...
  local what=$1 end=$((SECONDS + $2)) found
  shift 2
  while :; do
    found=$("$@" 2>/dev/null) || found=
    [ -z "$found" ] || break
    [ $SECONDS -lt $end ] || fail "waited for $what" "nomad job status; nomad alloc logs -job web"
    sleep 1
  done
  printf '%s\n' "$found"
}
passing() { consul catalog nodes -service "$1" | tail -n +2 && [ "$(curl_consul "health/service/$1?passing=1" | jq length)" -ge "$2" ]; }
curl_consul() {
  # The token travels in a header file, never in argv.
  curl --silent --fail --max-time 5 --header @<(printf 'X-Consul-Token: %s' "$CONSUL_HTTP_TOKEN") \
    --cacert "$CONSUL_CACERT" --cert "$CONSUL_CLIENT_CERT" --key "$CONSUL_CLIENT_KEY" \
    --connect-to "$CONSUL_TLS_SERVER_NAME:8501:$server:8501" "https://$CONSUL_TLS_SERVER_NAME:8501/v1/$1"
}

show nomad job run demo/jobs/web.nomad.hcl
show nomad job run -detach demo/jobs/uptime.nomad.hcl
echo
beat "waiting for web to pass its check in Consul:" until_output "two passing instances of web in Consul" 180 passing web 2

echo
echo "from this machine, through Consul DNS:"
show dig +short +tries=3 +time=2 @"$server" -p 8600 web.service.consul SRV

echo
echo "from another droplet, through its own Consul agent, and over the VPC:"
show nomad job run demo/jobs/fetch.nomad.hcl
beat "waiting for the batch job's output:" until_output "the batch job's output" 120 nomad alloc logs -job fetch
show nomad job status
