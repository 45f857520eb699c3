# For `packer build -var-file=example.pkrvars.hcl .` without bakery. The digests are placeholders: replace them by
# those in the publishers' SHA256SUMS files, or the build stops.
region         = "fra1"
size           = "s-1vcpu-1gb"
base           = "debian-12-x64"
snapshot_name  = "bakery-by-hand"
build_tag      = "bakery:build:by-hand"
content_tag    = "bakery:image:by-hand"
consul_version = "1.22.5"
consul_url     = "https://releases.hashicorp.com/consul/1.22.5/consul_1.22.5_linux_amd64.zip"
consul_sha256  = "0000000000000000000000000000000000000000000000000000000000000000"
nomad_version  = "2.0.5"
nomad_url      = "https://releases.hashicorp.com/nomad/2.0.5/nomad_2.0.5_linux_amd64.zip"
nomad_sha256   = "0000000000000000000000000000000000000000000000000000000000000000"
# For ingress nodes add traefik_url and traefik_sha256, with the tar of https://github.com/traefik/traefik/releases.
cni_url    = "https://github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz"
cni_sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
