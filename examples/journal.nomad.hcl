# A log shipper on every client: Vector reads the node's journal from a read-only host volume of the cluster file, and
# prints it. Instead of "print" name a sink of yours. The image needs journalctl, so it is the one based on Debian.
variable "image" {
  type    = string
  default = "docker.io/timberio/vector:0.50.0-debian"
}

job "journal" {
  type = "system"

  group "journal" {
    volume "journal" {
      type      = "host"
      source    = "journal"
      read_only = true
    }

    task "vector" {
      driver = "docker"

      config {
        image = var.image
        args  = ["--config", "/local/vector.yaml"]
      }

      volume_mount {
        volume      = "journal"
        destination = "/journal"
        read_only   = true
      }

      # It repeats nothing after a restart: what it has sent is in data_dir.
      template {
        destination = "local/vector.yaml"
        data        = <<-YAML
          data_dir: /alloc/data
          sources:
            journal: {type: journald, journal_directory: /journal}
          sinks:
            print: {type: console, inputs: [journal], encoding: {codec: json}}
        YAML
      }

      resources {
        cpu    = 100
        memory = 128
      }
    }
  }
}
