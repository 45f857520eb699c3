# A batch job of the exec driver: tries to reach the metadata service, and an address that is open.
job "metadata" {
  type = "batch"

  group "metadata" {
    reschedule {
      attempts = 0
    }

    restart {
      attempts = 0
      mode     = "fail"
    }

    task "metadata" {
      driver = "exec"

      config {
        command = "/usr/bin/python3"
        args    = ["local/try.py"]
      }

      template {
        destination = "local/try.py"
        data        = <<-PYTHON
          import socket

          for name, address in {"metadata": ("169.254.169.254", 80), "consul": ("127.0.0.1", 8600)}.items():
              try:
                  socket.create_connection(address, timeout=5).close()
                  print(name, "reached")
              except OSError:
                  print(name, "not reached")
        PYTHON
      }

      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
