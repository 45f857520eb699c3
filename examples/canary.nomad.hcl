# An update with a canary: one instance of the new version runs beside the old ones until it is promoted.
variable "release" {
  type    = string
  default = "1"
}

job "shop" {
  group "shop" {
    count          = 2
    shutdown_delay = "2s"

    network {
      port "http" {}
    }

    service {
      name = "shop"
      port = "http"

      check {
        type     = "http"
        path     = "/release"
        interval = "2s"
        timeout  = "1s"
      }
    }

    # A canary that does not become healthy is removed and the old version stays (auto_revert).
    update {
      canary           = 1
      max_parallel     = 1
      min_healthy_time = "2s"
      healthy_deadline = "1m"
      auto_revert      = true
    }

    task "server" {
      driver = "exec"

      config {
        command = "/usr/bin/python3"
        args    = ["-m", "http.server", "--directory", "local/www", "${NOMAD_PORT_http}"]
      }

      template {
        destination = "local/www/release"
        data        = "${var.release}\n"
      }

      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
