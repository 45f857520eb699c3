# The consul and nomad commands, for root on a node: the local agents use HTTPS and require a certificate.
if [ -r /etc/consul.d/tls/agent-key.pem ]; then
  export CONSUL_HTTP_ADDR=https://127.0.0.1:8501
  export CONSUL_CACERT=/etc/consul.d/tls/ca.pem
  export CONSUL_CLIENT_CERT=/etc/consul.d/tls/agent.pem
  export CONSUL_CLIENT_KEY=/etc/consul.d/tls/agent-key.pem
fi
if [ -r /etc/nomad.d/tls/agent-key.pem ]; then
  export NOMAD_ADDR=https://127.0.0.1:4646
  export NOMAD_CACERT=/etc/nomad.d/tls/ca.pem
  export NOMAD_CLIENT_CERT=/etc/nomad.d/tls/agent.pem
  export NOMAD_CLIENT_KEY=/etc/nomad.d/tls/agent-key.pem
fi
