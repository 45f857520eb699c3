# A parameterized job: each dispatch is a run of its own, with its own values and payload.
job "greet" {
  type = "batch"

  parameterized {
    meta_required = ["name"]
    payload       = "optional"
  }

  group "greet" {
    task "greet" {
      driver = "exec"

      dispatch_payload {
        file = "payload.txt"
      }

      config {
        command = "/bin/sh"
        args    = ["-c", "echo \"hello ${NOMAD_META_name}\"; cat local/payload.txt"]
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
