"""Turn bakery.yaml into one frozen ClusterConfig, or into the list of all its problems."""
