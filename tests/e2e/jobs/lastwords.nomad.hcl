# A service that writes a line when it is told to end, on one node.
variable "node" {
  type        = string
  description = "Where it runs."
}

job "lastwords" {
  type = "service"

  constraint {
    attribute = "${node.unique.name}"
    value     = var.node
  }

  group "lastwords" {
    task "lastwords" {
      driver = "exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "trap 'echo told to end >>$NOMAD_ALLOC_DIR/lastwords; exit 0' TERM; while :; do sleep 1; done"]
      }

      resources {
        cpu    = 20
        memory = 32
      }
    }
  }
}
