"""What launch and destroy share: the journal, the lock, the session, ownership."""
