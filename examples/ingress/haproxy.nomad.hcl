# HAProxy on every client, at port 80 of the public address. It asks Consul's DNS each second where the service is.
variable "packages" {
  type        = list(string)
  description = "URLs of Debian's packages of HAProxy and of the libraries that the nodes do not have."
}

variable "service" {
  type        = string
  default     = "hello"
  description = "The service in Consul that answers."
}

variable "port" {
  type    = number
  default = 80
}

job "haproxy" {
  type = "system"

  group "haproxy" {
    network {
      port "http" {
        static       = var.port
        host_network = "public"
      }
    }

    service {
      name = "haproxy"
      port = "http"

      check {
        type     = "tcp"
        interval = "2s"
        timeout  = "1s"
      }
    }

    task "haproxy" {
      driver = "exec"

      dynamic "artifact" {
        for_each = var.packages

        content {
          source = artifact.value
          # Each has a folder of its own: of two artifacts for one folder, Nomad may keep only one.
          destination = "local/packages/${artifact.key}/"
        }
      }

      # SRV answers have the port of each healthy instance. The node's agent needs no token and no certificate for
      # DNS. An instance that left Consul gets no requests after two seconds; one with shutdown_delay ends later than
      # that. "hold nx" is for the last instance: HAProxy's default would keep it for 30 seconds.
      template {
        destination = "local/haproxy.cfg"
        data        = <<-EOT
          global
            log stdout format raw local0

          defaults
            log global
            mode http
            option httplog
            option dontlognull
            option redispatch
            retries 3
            timeout connect 2s
            timeout client 30s
            timeout server 30s

          resolvers consul
            nameserver agent 127.0.0.1:8600
            accepted_payload_size 8192
            resolve_retries 3
            timeout resolve 1s
            timeout retry 1s
            hold valid 1s
            hold nx 1s

          frontend http
            bind {{ env "NOMAD_ADDR_http" }}
            default_backend service

          backend service
            balance roundrobin
            server-template instance 1-20 _${var.service}._tcp.service.consul resolvers consul init-addr none check
        EOT
      }

      config {
        command = "/bin/sh"
        args = ["-ec", <<-EOT
          for package in local/packages/*/*.deb; do dpkg-deb --extract "$package" local/root; done
          exec local/root/usr/sbin/haproxy -db -f local/haproxy.cfg
        EOT
        ]
      }

      env {
        LD_LIBRARY_PATH = "/local/root/usr/lib/x86_64-linux-gnu"
      }

      # HAProxy then finishes the requests it has.
      kill_signal = "SIGUSR1"

      resources {
        cpu    = 100
        memory = 128
      }
    }
  }
}
