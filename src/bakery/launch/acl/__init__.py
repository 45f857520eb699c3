"""Bootstraps the ACLs of Consul and Nomad, writes policies and tokens, makes Consul accept jobs' identities."""
