# A batch job: runs to its end once. A failed attempt is repeated twice.
job "count" {
  type = "batch"

  group "count" {
    restart {
      attempts = 2
      interval = "1m"
      delay    = "5s"
      mode     = "fail"
    }

    task "count" {
      driver = "exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "for n in 1 2 3; do echo \"step $n\"; sleep 1; done"]
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
