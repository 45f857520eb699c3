# A service at the node's public address. The cluster file opens the port: roles.NAME.ports.
job "public" {
  group "public" {
    network {
      port "http" {
        static       = 8080
        host_network = "public"
      }
    }

    service {
      name     = "public"
      port     = "http"
      provider = "nomad"

      check {
        type     = "http"
        path     = "/"
        interval = "2s"
        timeout  = "1s"
      }
    }

    update {
      min_healthy_time = "2s"
    }

    task "server" {
      driver = "exec"

      config {
        command = "/usr/bin/python3"
        args    = ["-m", "http.server", "--directory", "local/www", "8080"]
      }

      template {
        destination = "local/www/index.html"
        data        = "hello from a public address\n"
      }

      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
