# nginx on every client, at port 80 of the public address. consul-template follows Consul, writes nginx's
# configuration and makes nginx load it.
variable "nginx" {
  type        = string
  description = "URL of Debian's package of nginx."
}

variable "consul_template" {
  type        = string
  default     = "https://releases.hashicorp.com/consul-template/0.42.1/consul-template_0.42.1_linux_amd64.zip"
  description = "URL of an archive with the program consul-template."
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

job "nginx" {
  type = "system"

  group "nginx" {
    network {
      port "http" {
        static       = var.port
        host_network = "public"
      }
    }

    service {
      name = "nginx"
      port = "http"

      check {
        type     = "tcp"
        interval = "2s"
        timeout  = "1s"
      }
    }

    task "nginx" {
      driver = "exec"

      # Nomad gets a Consul token for this task, which reads services, and gives it to the task as CONSUL_HTTP_TOKEN.
      consul {}

      artifact {
        source      = var.nginx
        destination = "local/nginx.deb"
        mode        = "file"
      }

      artifact {
        source      = var.consul_template
        destination = "local/"
      }

      # The node's agent answers only clients with a certificate of the cluster.
      template {
        destination = "secrets/ca.pem"
        data        = "{{ with nomadVar \"nomad/jobs/nginx\" }}{{ .ca }}{{ end }}"
      }

      template {
        destination = "secrets/cert.pem"
        data        = "{{ with nomadVar \"nomad/jobs/nginx\" }}{{ .cert }}{{ end }}"
      }

      template {
        destination = "secrets/key.pem"
        perms       = "0600"
        uid         = 65534
        data        = "{{ with nomadVar \"nomad/jobs/nginx\" }}{{ .key }}{{ end }}"
      }

      template {
        destination = "local/consul-template.hcl"
        data        = <<-EOT
          consul {
            address = "127.0.0.1:8501"
            ssl {
              enabled = true
              ca_cert = "secrets/ca.pem"
              cert    = "secrets/cert.pem"
              key     = "secrets/key.pem"
            }
          }
          template {
            source      = "local/nginx.conf.ctmpl"
            destination = "local/nginx.conf"
          }
          exec {
            command       = ["local/root/usr/sbin/nginx", "-e", "stderr", "-p", "/local/", "-c", "nginx.conf"]
            reload_signal = "SIGHUP"
            kill_signal   = "SIGQUIT"
          }
        EOT
      }

      # This template is for consul-template: Nomad's own template has other delimiters here.
      template {
        destination     = "local/nginx.conf.ctmpl"
        left_delimiter  = "[["
        right_delimiter = "]]"
        data            = <<-EOT
          daemon off;
          pid nginx.pid;
          error_log stderr;
          events {}
          http {
            access_log off;
            client_body_temp_path body;
            proxy_temp_path proxy;
            fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            upstream service {
              {{ range service "${var.service}" }}server {{ .Address }}:{{ .Port }};
              {{ else }}server 127.0.0.1:9 down;
              {{ end }}
            }
            server {
              listen [[ env "NOMAD_ADDR_http" ]];
              location / {
                proxy_pass http://service;
                proxy_set_header Host $host;
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
              }
            }
          }
        EOT
      }

      config {
        command = "/bin/sh"
        args = ["-ec", <<-EOT
          dpkg-deb --extract local/nginx.deb local/root
          exec local/consul-template -config local/consul-template.hcl
        EOT
        ]
      }

      resources {
        cpu    = 100
        memory = 128
      }
    }
  }
}
