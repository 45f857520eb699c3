# A sidecar that puts links in place of two files that Nomad reads and writes when it starts again.
job "sidecar" {
  group "linked" {
    restart {
      attempts = 5
      delay    = "1s"
    }
    network {
      mode = "bridge"
    }
    service {
      name = "linked"
      port = "8080"
      connect {
        sidecar_service {}
        sidecar_task {
          driver = "exec"
          config {
            command = "/bin/sh"
            args = ["-c", <<-SCRIPT
              cd "$NOMAD_SECRETS_DIR"
              rm -f si_token .envoy_bootstrap.cmd
              ln -s /etc/nomad.d/tls/agent-key.pem si_token
              ln -s /opt/nomad/written-by-a-sidecar .envoy_bootstrap.cmd
              exit 1
            SCRIPT
            ]
          }
          resources {
            cpu    = 50
            memory = 32
          }
        }
      }
    }
    task "wait" {
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
