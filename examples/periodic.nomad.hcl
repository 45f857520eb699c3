# A periodic job: a batch job that starts each night. A run that is not finished delays the next one.
job "nightly" {
  type = "batch"

  periodic {
    crons            = ["30 3 * * *"]
    time_zone        = "UTC"
    prohibit_overlap = true
  }

  group "nightly" {
    task "report" {
      driver = "exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "echo \"report of $(date --utc +%F)\""]
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
