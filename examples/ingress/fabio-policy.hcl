# What Fabio needs beyond what every task may do: it asks the node's agent for its datacenter (/v1/agent/self).
agent_prefix "" {
  policy = "read"
}
