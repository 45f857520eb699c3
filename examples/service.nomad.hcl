# A service: two instances, registered in Consul with a check, that clients find by name.
job "hello" {
  group "hello" {
    count = 2

    # Consul forgets an instance five seconds before it ends, so that requests to its address still get an answer.
    # bakery roll and replace name services without it.
    shutdown_delay = "5s"

    network {
      port "http" {}
    }

    service {
      name = "hello"
      port = "http"

      # Which requests it gets from outside: all of Fabio's (ingress/fabio.nomad.hcl), and one host's of an ingress
      # node's (../docs/ingress.md).
      tags = [
        "urlprefix-/",
        "traefik.enable=true",
        "traefik.http.routers.hello.rule=Host(`hello.example.com`)",
      ]

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
        args    = ["-m", "http.server", "--directory", "local/www", "${NOMAD_PORT_http}"]
      }

      template {
        destination = "local/www/index.html"
        data        = "hello from {{ env \"node.unique.name\" }}\n"
      }

      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
