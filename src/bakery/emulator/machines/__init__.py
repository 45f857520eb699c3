"""The machines of droplets: booted by systemd-nspawn, or entries in memory."""
