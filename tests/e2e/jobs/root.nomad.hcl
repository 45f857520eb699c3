# A batch job of the exec driver: says what a task sees of its node.
job "root" {
  type = "batch"

  group "root" {
    reschedule {
      attempts = 0
    }

    restart {
      attempts = 0
      mode     = "fail"
    }

    task "root" {
      driver = "exec"

      config {
        command = "/bin/sh"
        args    = ["local/look.sh"]
      }

      template {
        destination = "local/look.sh"
        data        = <<-SHELL
          echo "etc: $(ls -A /etc | tr '\n' ' ')"
          echo "user: $(id -un)"
          echo "group: $(id -gn)"
          echo "resolv: $(grep -c ^nameserver /etc/resolv.conf)"
          echo "env: $(/usr/bin/env true && echo works)"
          echo "curl: $(curl --version | head -n 1 | cut -d ' ' -f 1)"
          echo "awk: $(echo works | awk '{print $1}')"
          echo "authorities: $(python3 -c 'import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 100)')"
          echo "zone: $(TZ=Europe/Berlin date --date=@0 +%Z)"
          echo "keys: $(find / -xdev -name '*.pem' -path '*agent*' 2>/dev/null | tr '\n' ' ')"
        SHELL
      }

      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
