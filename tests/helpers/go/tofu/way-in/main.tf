# A way in from outside, as a user of DigitalOcean's provider writes it: the account's domain, a load balancer with
# its certificate in front of tagged droplets, a firewall that admits it alone, and a reserved IP.

terraform {
  required_providers {
    digitalocean = {
      source = "digitalocean/digitalocean"
    }
  }
}

provider "digitalocean" {} # DIGITALOCEAN_API_URL and DIGITALOCEAN_TOKEN

variable "host" {
  type    = string
  default = "www"
}

variable "proxy_protocol" {
  type    = bool
  default = false
}

variable "holder" {
  type    = number
  default = 0
}

resource "digitalocean_tag" "web" {
  name = "web"
}

resource "digitalocean_droplet" "web" {
  count  = 2
  name   = "web-${count.index}"
  image  = "debian-12-x64"
  region = "fra1"
  size   = "s-1vcpu-1gb"
  tags   = [digitalocean_tag.web.id]
}

resource "digitalocean_domain" "own" {
  name = "example.com"
}

resource "digitalocean_record" "mail" {
  domain   = digitalocean_domain.own.id
  type     = "MX"
  name     = "@"
  value    = "mail.example.com."
  priority = 10
  ttl      = 600
}

resource "digitalocean_certificate" "site" {
  name    = "site-${var.host}"
  type    = "lets_encrypt"
  domains = ["${var.host}.${digitalocean_domain.own.name}"]

  lifecycle {
    create_before_destroy = true
  }
}

resource "digitalocean_loadbalancer" "front" {
  name                   = "front"
  region                 = "fra1"
  droplet_tag            = digitalocean_tag.web.id
  redirect_http_to_https = true
  enable_proxy_protocol  = var.proxy_protocol

  forwarding_rule {
    entry_port      = 80
    entry_protocol  = "http"
    target_port     = 8080
    target_protocol = "http"
  }
  forwarding_rule {
    entry_port       = 443
    entry_protocol   = "https"
    target_port      = 8080
    target_protocol  = "http"
    certificate_name = digitalocean_certificate.site.name
  }
  healthcheck {
    port                     = 8080
    protocol                 = "http"
    path                     = "/ping"
    check_interval_seconds   = 5
    response_timeout_seconds = 3
  }

  depends_on = [digitalocean_droplet.web]
}

resource "digitalocean_firewall" "web" {
  name = "web"
  tags = [digitalocean_tag.web.id]

  inbound_rule {
    protocol                  = "tcp"
    port_range                = "8080"
    source_load_balancer_uids = [digitalocean_loadbalancer.front.id]
  }
}

resource "digitalocean_reserved_ip" "held" {
  region     = "fra1"
  droplet_id = digitalocean_droplet.web[var.holder].id
}

output "address" {
  value = digitalocean_loadbalancer.front.ip
}

output "reserved" {
  value = digitalocean_reserved_ip.held.ip_address
}

output "mail" {
  value = digitalocean_record.mail.fqdn
}
