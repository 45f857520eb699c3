# Listens on three static ports: one for everyone, one for the VPC, and one that no firewall opens.
variable "node" {
  type = string
}

job "ports" {
  constraint {
    attribute = "${node.unique.name}"
    value     = var.node
  }

  group "listeners" {
    network {
      port "public" {
        static       = 8080
        host_network = "public"
      }
      port "vpc" {
        static = 8081
      }
      port "closed" {
        static = 8082
      }
    }

    service {
      name = "ports-public"
      port = "public"

      check {
        type     = "tcp"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "public" {
      driver = "exec"

      config {
        command = "/usr/bin/python3"
        args    = ["-m", "http.server", "--bind", "${NOMAD_IP_public}", "8080"]
      }

      resources {
        cpu    = 20
        memory = 32
      }
    }

    task "vpc" {
      driver = "exec"

      config {
        command = "/usr/bin/python3"
        args    = ["-m", "http.server", "8081"]
      }

      resources {
        cpu    = 20
        memory = 32
      }
    }

    task "closed" {
      driver = "exec"

      config {
        command = "/usr/bin/python3"
        args    = ["-m", "http.server", "8082"]
      }

      resources {
        cpu    = 20
        memory = 32
      }
    }
  }
}
