# What a user of DigitalOcean's provider writes: something of everything that the emulator has.

terraform {
  required_providers {
    digitalocean = {
      source = "digitalocean/digitalocean"
    }
  }
}

provider "digitalocean" {} # DIGITALOCEAN_API_URL and DIGITALOCEAN_TOKEN

variable "public_key" {
  type = string
}

variable "size" {
  type    = string
  default = "s-1vcpu-1gb"
}

variable "tags" {
  type    = list(string)
  default = ["web"]
}

variable "ports" {
  type    = string
  default = "8000-9000"
}

data "digitalocean_account" "mine" {}

data "digitalocean_image" "base" {
  slug = "debian-12-x64"
}

data "digitalocean_region" "here" {
  slug = "fra1"
}

data "digitalocean_sizes" "small" {
  filter {
    key    = "vcpus"
    values = [1]
  }
  sort {
    key       = "price_monthly"
    direction = "asc"
  }
}

data "digitalocean_project" "default" {}

resource "digitalocean_ssh_key" "key" {
  name       = "terraform"
  public_key = var.public_key
}

resource "digitalocean_vpc" "vpc" {
  name        = "terraform"
  description = "of a test"
  region      = data.digitalocean_region.here.slug
  ip_range    = "10.100.0.0/20"
}

resource "digitalocean_tag" "all" {
  for_each = toset(var.tags)
  name     = each.value
}

resource "digitalocean_droplet" "web" {
  count             = 3
  name              = "web-${count.index}"
  image             = data.digitalocean_image.base.slug
  region            = data.digitalocean_region.here.slug
  size              = var.size
  vpc_uuid          = digitalocean_vpc.vpc.id
  ssh_keys          = [digitalocean_ssh_key.key.fingerprint]
  tags              = [for tag in digitalocean_tag.all : tag.id]
  user_data         = "#cloud-config\n"
  monitoring        = true
  graceful_shutdown = true
}

resource "digitalocean_droplet" "private" {
  name              = "private"
  image             = data.digitalocean_image.base.id
  region            = data.digitalocean_region.here.slug
  size              = "s-1vcpu-1gb"
  vpc_uuid          = digitalocean_vpc.vpc.id
  public_networking = false
  droplet_agent     = false
}

resource "digitalocean_droplet_snapshot" "kept" {
  name       = "kept"
  droplet_id = digitalocean_droplet.private.id
}

resource "digitalocean_firewall" "web" {
  name        = "web"
  tags        = [for tag in digitalocean_tag.all : tag.id]
  droplet_ids = [digitalocean_droplet.private.id]

  inbound_rule {
    protocol         = "tcp"
    port_range       = "22"
    source_addresses = ["0.0.0.0/0", "::/0"]
  }
  inbound_rule {
    protocol    = "udp"
    port_range  = var.ports
    source_tags = [digitalocean_tag.all["web"].id]
  }
  inbound_rule {
    protocol         = "icmp"
    source_addresses = ["10.100.0.0/20"]
  }
  outbound_rule {
    protocol              = "tcp"
    port_range            = "all"
    destination_addresses = ["0.0.0.0/0"]
  }
}

data "digitalocean_droplets" "tagged" {
  filter {
    key    = "tags"
    values = ["web"]
  }
  depends_on = [digitalocean_droplet.web]
}

output "limit" {
  value = data.digitalocean_account.mine.droplet_limit
}

output "cheapest" {
  value = data.digitalocean_sizes.small.sizes[0].slug
}

output "project" {
  value = data.digitalocean_project.default.name
}

output "tagged" {
  value = sort(data.digitalocean_droplets.tagged.droplets[*].name)
}

output "addresses" {
  value = digitalocean_droplet.web[*].ipv4_address
}

output "private" {
  value = [digitalocean_droplet.private.ipv4_address, digitalocean_droplet.private.public_networking]
}
