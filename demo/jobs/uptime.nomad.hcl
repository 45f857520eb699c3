# A system job: one instance on every Nomad client.
job "uptime" {
  type = "system"

  group "uptime" {
    task "uptime" {
      driver = "exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "while true; do uptime; sleep 30; done"]
      }

      resources {
        cpu    = 20
        memory = 32
      }
    }
  }
}
