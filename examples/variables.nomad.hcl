# Secrets and settings from Nomad's variables. A job may read the variables below nomad/jobs/<its name> without a policy.
job "settings" {
  type = "batch"

  group "settings" {
    task "show" {
      driver = "exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "echo \"the greeting is $GREETING\"; wc -c <secrets/password"]
      }

      template {
        destination = "secrets/settings.env"
        env         = true
        data        = <<-ENV
          {{ with nomadVar "nomad/jobs/settings" }}GREETING={{ .greeting | toJSON }}{{ end }}
        ENV
      }

      # The folder secrets/ is in memory, and "nomad alloc fs" does not show it.
      template {
        destination = "secrets/password"
        perms       = "0600"
        uid         = 65534
        data        = "{{ with nomadVar \"nomad/jobs/settings\" }}{{ .password }}{{ end }}"
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
