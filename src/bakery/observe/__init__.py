"""Judge whether the cluster is healthy: named conditions, a deadline, a report."""
