# Two services of the mesh. Their Envoy is a program of the node, since no image can be pulled here.
job "mesh" {
  group "api" {
    network {
      mode = "bridge"
    }
    service {
      name = "api"
      port = "8080"
      connect {
        sidecar_service {}
        sidecar_task {
          driver = "exec"
          config {
            command = "/usr/bin/envoy"
            args    = ["-c", "${NOMAD_SECRETS_DIR}/envoy_bootstrap.json", "--concurrency", "1", "--disable-hot-restart"]
          }
          resources {
            cpu    = 50
            memory = 128
          }
        }
      }
    }
    task "serve" {
      driver = "exec"
      config {
        command = "/bin/sh"
        args = ["-c", <<-SCRIPT
          mkdir local/www
          echo hello from api > local/www/index.html
          exec python3 -m http.server --bind 127.0.0.1 --directory local/www 8080
        SCRIPT
        ]
      }
      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
  group "web" {
    network {
      mode = "bridge"
    }
    service {
      name = "web"
      connect {
        sidecar_service {
          proxy {
            upstreams {
              destination_name = "api"
              local_bind_port  = 9000
            }
          }
        }
        sidecar_task {
          driver = "exec"
          config {
            command = "/usr/bin/envoy"
            args    = ["-c", "${NOMAD_SECRETS_DIR}/envoy_bootstrap.json", "--concurrency", "1", "--disable-hot-restart"]
          }
          resources {
            cpu    = 50
            memory = 128
          }
        }
      }
    }
    task "ask" {
      driver = "exec"
      config {
        command = "/bin/sleep"
        args    = ["3600"]
      }
      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
