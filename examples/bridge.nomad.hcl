# Behind Nomad's bridge: a network of its own for each instance. Inside, the page is on 8080; outside, on a port of the node.
job "page" {
  group "page" {
    network {
      mode = "bridge"

      port "http" {
        to = 8080
      }
    }

    service {
      name = "page"
      port = "http"

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
        data        = "hello from behind the bridge\n"
      }

      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
