"""State folders in a test's own temporary folder."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bakery.config.paths import StatePaths, state_paths
from bakery.credentials.issued import Issued, write_record
from bakery.files import write_secret


def paths_in(folder: Path, cluster: str = "demo") -> StatePaths:
    """Where the state of ``cluster`` lies if its file is in ``folder``."""
    return state_paths(folder / "bakery.yaml", cluster)


def leave_operator_tokens(folder: Path, *, left: timedelta = timedelta(hours=7)) -> tuple[str, str]:
    """What an earlier ``bakery env`` left there, where no server answers now; return both tokens."""
    paths = paths_in(folder)
    files, expires = paths.issued_to("operator"), datetime.now(UTC) + left
    tokens = ("0be7a704-0000-4000-8000-000000000001", "0be7a704-0000-4000-8000-000000000002")
    for file, token in zip((files.consul_token, files.nomad_token), tokens, strict=True):
        write_secret(file, f"{token}\n".encode())
    write_record(
        paths,
        Issued(name="operator", role="operator", namespace="all", expires=expires, certificate_ends=expires),
    )
    return tokens
