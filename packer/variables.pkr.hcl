# Neither the token nor the endpoint is a variable: the plugin reads DIGITALOCEAN_TOKEN and DIGITALOCEAN_API_URL.

variable "region" {
  type        = string
  description = "Region of the build droplet and of the snapshot."
}

variable "size" {
  type        = string
  description = "Size of the build droplet. Droplets of the snapshot need at least its disk size."
}

variable "base" {
  type        = string
  description = "Slug of the base image."
}

variable "snapshot_name" {
  type        = string
  description = "Name of the snapshot, unique to this bake; bakery finds the snapshot by it."
}

variable "build_tag" {
  type        = string
  description = "Tag of the build droplet and of the snapshot."
}

variable "content_tag" {
  type        = string
  description = "Tag of the snapshot: a digest of its inputs."
}

variable "uploads" {
  type        = list(string)
  description = "Local files named consul, nomad, cni.tar and traefik. The build droplet downloads those that are not listed."
  default     = []
}

variable "consul_version" {
  type = string
}

variable "consul_url" {
  type        = string
  description = "Zip of the official release; empty if consul is uploaded."
  default     = ""
}

variable "consul_sha256" {
  type        = string
  description = "SHA256 of the zip, or of the uploaded binary."

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.consul_sha256))
    error_message = "The consul_sha256 is not a SHA256 in hex."
  }
}

variable "nomad_version" {
  type = string
}

variable "nomad_url" {
  type        = string
  description = "Zip of the official release; empty if nomad is uploaded."
  default     = ""
}

variable "nomad_sha256" {
  type        = string
  description = "SHA256 of the zip, or of the uploaded binary."

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.nomad_sha256))
    error_message = "The nomad_sha256 is not a SHA256 in hex."
  }
}

# The default is here, because it shapes the snapshot, and the content tag covers this file.
variable "cni_version" {
  type    = string
  default = "1.9.1"
}

variable "cni_url" {
  type        = string
  description = "Tar of the CNI plugins' release; empty if cni.tar is uploaded."
  default     = ""
}

variable "cni_sha256" {
  type        = string
  description = "SHA256 of the tar."

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.cni_sha256))
    error_message = "The cni_sha256 is not a SHA256 in hex."
  }
}

# In the image of a cluster with ingress nodes only.
variable "traefik_version" {
  type    = string
  default = "3.7.15"
}

variable "traefik_url" {
  type        = string
  description = "Tar of Traefik's release; empty if traefik is uploaded."
  default     = ""
}

variable "traefik_sha256" {
  type        = string
  description = "SHA256 of the tar, or of the uploaded binary; empty for an image without Traefik."
  default     = ""

  validation {
    condition     = can(regex("^([0-9a-f]{64})?$", var.traefik_sha256))
    error_message = "The traefik_sha256 is not a SHA256 in hex."
  }
}
