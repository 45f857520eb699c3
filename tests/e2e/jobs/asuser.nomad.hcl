# A batch job of the exec driver that asks for a user.
variable "user" {
  type        = string
  description = "As whom it wants to run."
}

job "asuser" {
  type = "batch"

  group "asuser" {
    reschedule {
      attempts = 0
    }

    restart {
      attempts = 0
      mode     = "fail"
    }

    task "asuser" {
      driver = "exec"
      user   = var.user

      config {
        command = "/usr/bin/id"
      }

      resources {
        cpu    = 20
        memory = 32
      }
    }
  }
}
