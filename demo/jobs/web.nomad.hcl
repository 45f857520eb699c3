# A service: two instances of a program that is in every droplet already, registered in Consul with a check.
job "web" {
  type = "service"

  group "web" {
    count = 2

    # An update continues when an instance has passed its check for this time. Nomad's default of 10 s is for programs
    # that may fail after their start; this one serves a file.
    update {
      min_healthy_time = "2s"
    }

    # An instance leaves Consul's DNS first and ends two seconds later, so that clients with its address still get a page.
    shutdown_delay = "2s"

    network {
      port "http" {}
    }

    service {
      name     = "web"
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
      driver = "exec"

      config {
        command = "/usr/bin/python3"
        args    = ["-m", "http.server", "--directory", "${NOMAD_TASK_DIR}", "${NOMAD_PORT_http}"]
      }

      template {
        destination = "local/index.html"
        data        = "hello from {{ env \"node.unique.name\" }}\n"
      }

      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
