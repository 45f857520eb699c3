# A docker service from an image file: no registry takes part.
variable "image_url" {
  type        = string
  description = "Where the image file is."
}

job "hello" {
  type = "service"

  group "hello" {
    network {
      port "http" {
        to = 8080
      }
    }

    service {
      name     = "hello"
      port     = "http"
      provider = "consul"

      check {
        type     = "http"
        path     = "/"
        interval = "2s"
        timeout  = "1s"
      }
    }

    task "server" {
      driver = "docker"

      artifact {
        source      = var.image_url
        destination = "local/"

        options {
          archive = false
        }
      }

      config {
        image = "bakery/hello:1"
        load  = "hello.tar"
        ports = ["http"]
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
