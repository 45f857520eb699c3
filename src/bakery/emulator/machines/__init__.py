"""What is behind a droplet: a booted machine, or memory."""
