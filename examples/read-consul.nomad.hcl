# Prints a key of Consul, and where the healthy instances of the service "hello" of service.nomad.hcl are.
job "read-consul" {
  type = "batch"

  group "read-consul" {
    task "print" {
      driver = "exec"

      # Nomad gets a Consul token for this task, which may read services, nodes, and keys below apps/.
      consul {}

      template {
        destination = "local/page"
        data        = <<-EOT
          {{ key "apps/greeting" }}
          {{ range service "hello" }}server {{ .Address }}:{{ .Port }}
          {{ end }}
        EOT
      }

      config {
        command = "/bin/cat"
        args    = ["${NOMAD_TASK_DIR}/page"]
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
