"""Takes nodes out of the cluster, and everything of a cluster out of the account."""
