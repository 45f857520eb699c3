"""The emulated network: the router namespace, the links of droplets, their firewalls and their impairments."""
