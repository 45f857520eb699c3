# Runs the command of an image once. Who may pull it is in the node's own configuration.
variable "image" {
  type = string
}

job "image" {
  type = "batch"

  group "image" {
    task "image" {
      driver = "docker"

      config {
        image = var.image
      }

      resources {
        cpu    = 20
        memory = 32
      }
    }
  }
}
