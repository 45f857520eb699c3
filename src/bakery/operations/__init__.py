"""What bakery does for a user, one module per use case: the rooms below, in order. ``cli`` asks and prints."""
