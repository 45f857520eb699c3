# Prometheus, which scrapes Consul's servers and every Nomad agent over mutual TLS, with credentials of its own from a Nomad
# variable. Templates list the agents from Consul's catalog, so it follows when nodes come and go. Its alerts: alerts.yml.
variable "prometheus" {
  type        = string
  description = "The archive with the program. For a checksum append ?checksum=sha256:..."
  default     = "https://github.com/prometheus/prometheus/releases/download/v3.5.0/prometheus-3.5.0.linux-amd64.tar.gz"
}

job "prometheus" {
  group "prometheus" {
    network {
      mode = "bridge"

      port "http" {
        to = 9090
      }
    }

    # The data stays when the job is changed, and is lost with its node. With "migrate = true" it would move, but root on a
    # client becomes root on the next one with that: docs/weaknesses.md, "A client".
    ephemeral_disk {
      sticky = true
      size   = 1000
    }

    service {
      name = "prometheus"
      port = "http"

      check {
        type     = "http"
        path     = "/-/ready"
        interval = "5s"
        timeout  = "2s"
      }
    }

    update {
      min_healthy_time = "2s"
    }

    task "prometheus" {
      driver = "exec"

      artifact {
        source      = var.prometheus
        destination = "local/release"
      }

      # The archive has one folder, with the release in its name.
      config {
        command = "/bin/sh"
        args = ["-c", <<-SH
          exec local/release/*/prometheus --config.file=local/prometheus.yml \
            --storage.tsdb.path="$NOMAD_ALLOC_DIR/data" --storage.tsdb.retention.size=800MB
        SH
        ]
      }

      # For the templates that list services.
      consul {}

      # The certificates of Consul's servers, Nomad's servers and its clients have different names.
      template {
        destination = "local/prometheus.yml"
        data        = <<-YAML
          global: {scrape_interval: 15s}
          rule_files: [alerts.yml]

          scrape_configs:
            - job_name: consul
              metrics_path: /v1/agent/metrics
              params: {format: [prometheus]}
              scheme: https
              authorization: {credentials_file: ../secrets/token}
              tls_config:
                ca_file: ../secrets/ca
                cert_file: ../secrets/cert
                key_file: ../secrets/key
                server_name: server.{{ env "NOMAD_DC" }}.consul
              file_sd_configs: [{files: [consul.yml]}]

            - job_name: nomad
              metrics_path: /v1/metrics
              params: {format: [prometheus]}
              scheme: https
              tls_config:
                ca_file: ../secrets/nomad_ca
                cert_file: ../secrets/nomad_cert
                key_file: ../secrets/nomad_key
                server_name: server.global.nomad
              file_sd_configs: [{files: [nomad.yml]}]

            - job_name: nomad-client
              metrics_path: /v1/metrics
              params: {format: [prometheus]}
              scheme: https
              tls_config:
                ca_file: ../secrets/nomad_ca
                cert_file: ../secrets/nomad_cert
                key_file: ../secrets/nomad_key
                server_name: client.global.nomad
              file_sd_configs: [{files: [nomad-client.yml]}]
        YAML
      }

      # "any": also agents that fail their checks. Prometheus reads a changed list by itself.
      dynamic "template" {
        for_each = {
          consul       = { service = "consul", port = 8501 }
          nomad        = { service = "http.nomad", port = 4646 }
          nomad-client = { service = "http.nomad-client", port = 4646 }
        }

        content {
          destination = "local/${template.key}.yml"
          change_mode = "noop"
          data        = <<-YAML
            {{ range service "${template.value.service}|any" }}
            - {targets: ["{{ .Address }}:${template.value.port}"], labels: {node: "{{ .Node }}"}}
            {{ end }}
          YAML
        }
      }

      template {
        destination     = "local/alerts.yml"
        left_delimiter  = "[["
        right_delimiter = "]]"
        data            = file("alerts.yml")
      }

      dynamic "template" {
        for_each = ["ca", "cert", "key", "token", "nomad_ca", "nomad_cert", "nomad_key"]

        content {
          destination = "secrets/${template.value}"
          perms       = "0400"
          uid         = 65534
          data        = "{{ with nomadVar \"nomad/jobs/prometheus\" }}{{ .${template.value} }}{{ end }}"
        }
      }

      resources {
        cpu    = 200
        memory = 256
      }
    }
  }
}
