# A service that greets once and then waits.
job "people" {
  group "group" {
    task "task" {
      driver = "exec"
      config {
        command = "/bin/sh"
        args    = ["-c", "echo hello from people; sleep 600"]
      }
      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
