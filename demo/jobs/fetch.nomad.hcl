# A batch job: asks its droplet's own Consul agent, by DNS, where "web" is, and fetches a page from each instance.
job "fetch" {
  type = "batch"

  group "fetch" {
    reschedule {
      attempts = 0
    }

    restart {
      attempts = 5
      delay    = "3s"
      mode     = "fail"
    }

    task "fetch" {
      driver = "exec"

      config {
        command = "/usr/bin/python3"
        args    = ["local/fetch.py", "web.service.consul"]
      }

      template {
        destination = "local/fetch.py"
        data        = <<-PYTHON
          import socket, struct, sys, urllib.request

          def ask(name):
              """SRV records of a name, from the Consul agent on this droplet (RFC 1035, RFC 2782)."""
              query = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0)
              for label in name.split("."):
                  query += bytes([len(label)]) + label.encode()
              query += b"\0" + struct.pack(">2H", 33, 1)
              with socket.create_connection(("127.0.0.1", 8600), timeout=5) as tcp:
                  tcp.sendall(struct.pack(">H", len(query)) + query)
                  stream = tcp.makefile("rb")
                  return len(query), stream.read(struct.unpack(">H", stream.read(2))[0])

          def skip(reply, at):
              while reply[at]:
                  if reply[at] >= 0xC0:
                      return at + 2
                  at += 1 + reply[at]
              return at + 1

          def records(reply, at):
              counts = struct.unpack(">3H", reply[6:12])
              for _ in range(sum(counts)):
                  at = skip(reply, at)
                  kind, _cls, _ttl, length = struct.unpack(">2HIH", reply[at:at + 10])
                  yield kind, reply[at + 10:at + 10 + length]
                  at += 10 + length

          found = list(records(*reversed(ask(sys.argv[1]))))
          ports = [struct.unpack(">H", data[4:6])[0] for kind, data in found if kind == 33]
          addresses = [socket.inet_ntoa(data) for kind, data in found if kind == 1]
          if not ports or len(ports) != len(addresses):
              sys.exit(f"{sys.argv[1]}: no instances yet")
          for address, port in zip(addresses, ports):
              with urllib.request.urlopen(f"http://{address}:{port}/", timeout=5) as page:
                  print(f"{address}:{port} says: {page.read().decode().strip()}", flush=True)
        PYTHON
      }

      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
