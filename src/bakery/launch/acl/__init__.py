"""Bootstraps the ACLs of Consul and Nomad, and writes policies and tokens."""
