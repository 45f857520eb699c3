variable "host" {
  type = string
}

variable "text" {
  type    = string
  default = "edge"
}

variable "shutdown_delay" {
  type    = string
  default = "5s"
}

# A service that Traefik and Fabio route by its tags.
job "edge" {
  update {
    min_healthy_time = "2s"
  }
  group "edge" {
    count = 2
    # Traefik stops sending requests before the task ends.
    shutdown_delay = var.shutdown_delay
    network {
      port "http" {}
    }
    service {
      name = "edge"
      port = "http"
      tags = ["urlprefix-/", "traefik.enable=true", "traefik.http.routers.edge.rule=Host(`${var.host}`)"]
      check {
        type     = "http"
        path     = "/"
        interval = "1s"
        timeout  = "2s"
      }
    }
    task "edge" {
      driver = "exec"
      config {
        command = "/usr/bin/python3"
        args    = ["-m", "http.server", "-d", "${NOMAD_TASK_DIR}", "${NOMAD_PORT_http}"]
      }
      template {
        destination = "local/index.html"
        data        = var.text
      }
      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
