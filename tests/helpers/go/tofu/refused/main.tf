# One of everything that the API refuses.

terraform {
  required_providers {
    digitalocean = {
      source = "digitalocean/digitalocean"
    }
  }
}

variable "public_key" {
  type = string
}

locals {
  good = {
    name   = "web"
    image  = "debian-12-x64"
    size   = "s-1vcpu-1gb"
    region = "fra1"
    vpc    = null
    keys   = null
  }
  wrong = {
    name   = { name = "not_a_name" }
    image  = { image = "debian-99-x64" }
    size   = { size = "s-99vcpu" }
    region = { region = "mars1" }
    vpc    = { vpc = "00000000-0000-4000-8000-000000000099" }
    keys   = { keys = ["99"] }
  }
}

resource "digitalocean_droplet" "wrong" {
  for_each = local.wrong
  name     = merge(local.good, each.value).name
  image    = merge(local.good, each.value).image
  size     = merge(local.good, each.value).size
  region   = merge(local.good, each.value).region
  vpc_uuid = merge(local.good, each.value).vpc
  ssh_keys = merge(local.good, each.value).keys
}

resource "digitalocean_vpc" "overlapping" {
  name     = "overlapping"
  region   = "fra1"
  ip_range = "10.100.1.0/24"
}

resource "digitalocean_ssh_key" "again" {
  name       = "again"
  public_key = var.public_key
}

resource "digitalocean_firewall" "untagged" {
  name = "untagged"
  tags = ["nobody-made-it"]
  inbound_rule {
    protocol         = "tcp"
    port_range       = "22"
    source_addresses = ["0.0.0.0/0"]
  }
}

resource "digitalocean_volume" "absent" {
  name   = "absent"
  region = "fra1"
  size   = 1
}
