"""This machine: control groups, namespaces, and the record of resources that the emulator has created."""
