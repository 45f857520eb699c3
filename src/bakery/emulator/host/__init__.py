"""The tools of this machine that the emulator uses: control groups, namespaces, and the record of what it made."""
