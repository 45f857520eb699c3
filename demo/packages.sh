# Debian packages, by who needs them. Sourced, never run.
# shellcheck shell=bash disable=SC2034
# systemd-nspawn, a router with user-space NAT, the base image; what the demo's own scripts call.
DEMO_PACKAGES=(systemd-container mmdebstrap slirp4netns nftables iproute2 openssh-client dnsutils jq curl ca-certificates)
# What the suites call besides.
TEST_PACKAGES=(shellcheck openssl groff-base fish)
# What building the programs from Go modules needs (Nomad's exec driver is C).
BUILD_PACKAGES=(gcc libc6-dev)
