# One snapshot for all roles: it contains Consul, Nomad, docker and the CNI plugins, and Traefik if a role needs it, but no
# configuration and no secret.

packer {
  required_version = ">= 1.11.0"

  required_plugins {
    digitalocean = {
      source  = "github.com/digitalocean/digitalocean"
      version = ">= 1.4.1"
    }
  }
}

locals {
  stage = "/var/tmp/bakery-build"

  # A tag has no dots.
  versions_tag = "bakery:versions:${replace("${var.consul_version}:${var.nomad_version}", ".", "-")}"

  versions = [
    "STAGE=${local.stage}",
    "CONSUL_VERSION=${var.consul_version}",
    "NOMAD_VERSION=${var.nomad_version}",
    "CNI_VERSION=${var.cni_version}",
    "TRAEFIK_VERSION=${var.traefik_sha256 == "" ? "" : var.traefik_version}",
  ]
}

source "digitalocean" "bakery" {
  region        = var.region
  size          = var.size
  image         = var.base
  droplet_name  = var.snapshot_name
  tags          = [var.build_tag]
  snapshot_name = var.snapshot_name
  snapshot_tags = [var.content_tag, var.build_tag, local.versions_tag]

  droplet_agent = false
  monitoring    = false
  ipv6          = false

  ssh_username            = "root"
  temporary_key_pair_type = "ed25519"
  ssh_timeout             = "10m"

  state_timeout = "15m"
  # The plugin does not notice that a snapshot action failed: it polls until this time-out.
  snapshot_timeout = "40m"
}

build {
  sources = ["source.digitalocean.bakery"]

  provisioner "shell" {
    environment_vars = local.versions
    script           = "${path.root}/scripts/wait.sh"
  }

  provisioner "file" {
    sources     = concat(["${path.root}/files", "${path.root}/../systemd-units"], var.uploads)
    destination = "${local.stage}/"
  }

  provisioner "shell" {
    environment_vars = local.versions
    script           = "${path.root}/scripts/packages.sh"
  }

  provisioner "shell" {
    environment_vars = concat(local.versions, [
      "CONSUL_URL=${var.consul_url}",
      "CONSUL_SHA256=${var.consul_sha256}",
      "NOMAD_URL=${var.nomad_url}",
      "NOMAD_SHA256=${var.nomad_sha256}",
      "CNI_URL=${var.cni_url}",
      "CNI_SHA256=${var.cni_sha256}",
      "TRAEFIK_URL=${var.traefik_url}",
      "TRAEFIK_SHA256=${var.traefik_sha256}",
    ])
    script = "${path.root}/scripts/binaries.sh"
  }

  # All scripts use one SSH connection: after clean.sh the droplet has no host keys for a second one.
  provisioner "shell" {
    environment_vars = local.versions
    scripts = [
      "${path.root}/scripts/layout.sh",
      "${path.root}/scripts/pause.sh",
      "${path.root}/scripts/boot.sh",
      "${path.root}/scripts/harden.sh",
      "${path.root}/scripts/behaviour.sh",
      "${path.root}/scripts/clean.sh",
      "${path.root}/scripts/hygiene.sh",
    ]
  }
}
