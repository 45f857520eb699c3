"""Makes and keeps the CAs, leaf certificates, gossip keys and ACL tokens."""
