# Tasks that wait, one for each way in which a task gets its resolver; the test looks names up inside them.
variable "image_url" {
  type        = string
  description = "Where the image file is served."
}

variable "node" {
  type        = string
  description = "The node that runs them."
}

locals {
  # Groups by name: the mode of the network, and the server of the dns block, if it has one.
  exec = {
    exec        = { mode = "host", server = "" }
    exec-bridge = { mode = "bridge", server = "" }
    exec-dns    = { mode = "bridge", server = "${attr.unique.network.ip-address}" }
  }
  docker = {
    docker        = { mode = "host", server = "" }
    docker-bridge = { mode = "bridge", server = "" }
    docker-dns    = { mode = "host", server = "169.254.1.1" }
  }
}

job "names" {
  type = "service"

  constraint {
    attribute = "${node.unique.name}"
    value     = var.node
  }

  dynamic "group" {
    for_each = local.exec
    labels   = [group.key]

    content {
      network {
        mode = group.value.mode

        dynamic "dns" {
          for_each = compact([group.value.server])

          content {
            servers = [dns.value]
          }
        }
      }

      task "wait" {
        driver = "exec"

        config {
          command = "/bin/sleep"
          args    = ["infinity"]
        }

        resources {
          cpu    = 20
          memory = 32
        }
      }
    }
  }

  dynamic "group" {
    for_each = local.docker
    labels   = [group.key]

    content {
      network {
        mode = group.value.mode

        dynamic "dns" {
          for_each = compact([group.value.server])

          content {
            servers = [dns.value]
          }
        }
      }

      task "wait" {
        driver = "docker"

        artifact {
          source      = var.image_url
          destination = "local/"

          options {
            archive = false
          }
        }

        config {
          image = "bakery/names:1"
          load  = "names.tar"
        }

        resources {
          cpu    = 20
          memory = 32
        }
      }
    }
  }

  group "docker-host" {
    task "wait" {
      driver = "docker"

      artifact {
        source      = var.image_url
        destination = "local/"

        options {
          archive = false
        }
      }

      config {
        image        = "bakery/names:1"
        load         = "names.tar"
        network_mode = "host"
      }

      resources {
        cpu    = 20
        memory = 32
      }
    }
  }
}
