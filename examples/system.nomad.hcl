# A system job: one instance on every Nomad client, and on every client that joins later.
job "load" {
  type = "system"

  group "load" {
    task "load" {
      driver = "exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "while true; do cat /proc/loadavg; sleep 30; done"]
      }

      resources {
        cpu    = 20
        memory = 32
      }
    }
  }
}
