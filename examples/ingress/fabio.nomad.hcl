# Fabio on every client, at port 80 of the public address. It follows Consul: a service says in its tags which
# requests it gets ("urlprefix-hello.example.com/").
variable "fabio" {
  type        = string
  default     = "https://github.com/fabiolb/fabio/releases/download/v1.7.3/fabio-1.7.3-linux_amd64"
  description = "URL of the program."
}

variable "port" {
  type    = number
  default = 80
}

job "fabio" {
  type = "system"
  # Tasks in this namespace have the rights that Consul's role nomad-tasks-fabio gives them.
  namespace = "fabio"

  group "fabio" {
    network {
      port "http" {
        static       = var.port
        host_network = "public"
      }
      port "ui" {}
    }

    service {
      name = "fabio"
      port = "http"

      check {
        type     = "tcp"
        interval = "2s"
        timeout  = "1s"
      }
    }

    task "fabio" {
      driver = "exec"

      # Nomad gets a Consul token for this task and gives it to the task as CONSUL_HTTP_TOKEN, which Fabio reads.
      consul {}

      artifact {
        source      = var.fabio
        destination = "local/fabio"
        mode        = "file"
      }

      # The node's agent answers only clients with a certificate of the cluster.
      template {
        destination = "secrets/ca.pem"
        data        = "{{ with nomadVar \"nomad/jobs/fabio\" }}{{ .ca }}{{ end }}"
      }

      template {
        destination = "secrets/cert.pem"
        data        = "{{ with nomadVar \"nomad/jobs/fabio\" }}{{ .cert }}{{ end }}"
      }

      template {
        destination = "secrets/key.pem"
        perms       = "0600"
        uid         = 65534
        data        = "{{ with nomadVar \"nomad/jobs/fabio\" }}{{ .key }}{{ end }}"
      }

      # Nomad registers Fabio, so that its token need not write. The keys are below apps/, which every task may read.
      template {
        destination = "local/fabio.properties"
        data        = <<-EOT
          proxy.addr = {{ env "NOMAD_ADDR_http" }}
          ui.addr = 127.0.0.1:{{ env "NOMAD_PORT_ui" }}
          ui.access = ro
          registry.consul.addr = https://127.0.0.1:8501
          registry.consul.tls.cafile = secrets/ca.pem
          registry.consul.tls.certfile = secrets/cert.pem
          registry.consul.tls.keyfile = secrets/key.pem
          registry.consul.register.enabled = false
          registry.consul.kvpath = /apps/fabio/config
          registry.consul.noroutehtmlpath = /apps/fabio/noroute.html
        EOT
      }

      config {
        command = "local/fabio"
        args    = ["-cfg", "local/fabio.properties"]
      }

      resources {
        cpu    = 100
        memory = 128
      }
    }
  }
}
