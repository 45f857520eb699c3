# Runs the command of an image once. The node has the credentials of the registry: docker.registries of the cluster file.
variable "image" {
  type        = string
  description = "An image of yours, such as registry.digitalocean.com/shop/hello:1."
}

job "registry" {
  type = "batch"

  group "registry" {
    task "run" {
      driver = "docker"

      config {
        image = var.image
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
