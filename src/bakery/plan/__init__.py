"""Plan the cluster: a pure function of the cluster file."""
