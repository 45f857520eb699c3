# A service with a network of its own behind Nomad's bridge: inside it listens on 8080, outside on a port of the node.
job "bridge" {
  type = "service"

  group "bridge" {
    network {
      mode = "bridge"

      port "http" {
        to = 8080
      }
    }

    service {
      name     = "bridge"
      port     = "http"
      provider = "consul"

      check {
        type     = "http"
        path     = "/"
        interval = "2s"
        timeout  = "1s"
      }
    }

    update {
      min_healthy_time = "1s"
    }

    task "server" {
      driver = "exec"

      config {
        command = "/usr/bin/python3"
        args    = ["-m", "http.server", "--directory", "${NOMAD_TASK_DIR}", "8080"]
      }

      template {
        destination = "local/index.html"
        data        = "behind the bridge of {{ env \"node.unique.name\" }}\n"
      }

      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
