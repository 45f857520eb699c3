"""Which folders of a node the cluster file may offer to jobs: ``roles.NAME.host_volumes``."""

import posixpath

from bakery.config.findings import quoted

CREATED_BELOW = ("/srv", "/mnt")
"""A folder below these is created at the first boot if it does not exist. A Nomad client does not start without
the folder of a host volume (hashicorp/nomad client/client.go, setupNode)."""
OF_THE_IMAGE = ("/var/log", "/var/log/journal")
"""Folders of the image that jobs may read."""


def is_created(path: str) -> bool:
    """Return whether the folder is created at the first boot."""
    return path.startswith(tuple(f"{parent}/" for parent in CREATED_BELOW))


def path_problem(path: str, *, read_only: bool) -> tuple[str, str] | None:
    """Return why the folder cannot be a host volume, to follow the field's name, and a hint; None if it can."""
    if not path:
        return " is missing", "such as /srv/data"
    if path != posixpath.normpath(path) or not path.startswith("/") or path.startswith("//"):
        return f" {quoted(path)} is not an absolute path in its shortest form", "such as /srv/data"
    if is_created(path) or (path in OF_THE_IMAGE and read_only):
        return None
    if path in OF_THE_IMAGE:
        return f": jobs may only read {path}", "add read_only: true"
    hint = f"a folder below {' or '.join(CREATED_BELOW)}, which bakery creates; or, with read_only: true, "
    return f": {path} is not a folder that jobs may have", hint + " or ".join(OF_THE_IMAGE)
