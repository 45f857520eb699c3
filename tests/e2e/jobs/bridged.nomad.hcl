# Two groups behind Nomad's bridge, an exec task and a container; each serves its page on 8080 inside.
variable "image_url" {
  type        = string
  description = "Where the image file is served."
}

variable "repository_url" {
  type        = string
  description = "Where the git repository is served."
}

variable "node" {
  type        = string
  description = "The node that runs them."
}

job "bridged" {
  type = "service"

  constraint {
    attribute = "${node.unique.name}"
    value     = var.node
  }

  group "exec" {
    network {
      mode = "bridge"

      port "http" {
        to = 8080
      }
    }

    task "server" {
      driver = "exec"

      config {
        command = "/usr/bin/python3"
        args    = ["-m", "http.server", "--directory", "${NOMAD_TASK_DIR}", "8080"]
      }

      template {
        destination = "local/index.html"
        data        = "from behind the bridge\n"
      }

      artifact {
        source      = "git::${var.repository_url}"
        destination = "local/repository"
      }

      resources {
        cpu    = 50
        memory = 64
      }
    }
  }

  group "docker" {
    network {
      mode = "bridge"

      port "http" {
        to = 8080
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
        image = "bakery/bridged:1"
        load  = "bridged.tar"
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
