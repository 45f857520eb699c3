"""Create and store the CAs, leaf certificates, gossip keys and ACL tokens."""
