# Adds a line to a file in the volume of examples/volume.hcl, and prints the file.
job "notes" {
  type = "batch"

  group "notes" {
    volume "notes" {
      type            = "host"
      source          = "notes"
      access_mode     = "single-node-writer"
      attachment_mode = "file-system"
    }

    task "write" {
      driver = "exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "date --utc >>/notes/file && cat /notes/file"]
      }

      volume_mount {
        volume      = "notes"
        destination = "/notes"
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
