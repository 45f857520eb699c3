"""The paths in .bakery/<cluster>/. No other module spells them."""

import os
from dataclasses import dataclass
from pathlib import Path

from bakery.errors import UsageError
from bakery.files import ensure_private_folder, write_atomically

ROOT_NAME = ".bakery"
ROOT_VARIABLE = "BAKERY_STATE_DIR"


@dataclass(frozen=True, kw_only=True)
class ClientFiles:
    """The TLS files of one client of Consul and Nomad, in ``folder``."""

    folder: Path

    @property
    def consul_ca(self) -> Path:
        return self.folder / "consul-ca.pem"

    @property
    def consul_cert(self) -> Path:
        """A client certificate for Consul."""
        return self.folder / "consul-cert.pem"

    @property
    def consul_key(self) -> Path:
        return self.folder / "consul-key.pem"

    @property
    def nomad_ca(self) -> Path:
        return self.folder / "nomad-ca.pem"

    @property
    def nomad_cert(self) -> Path:
        """A client certificate for Nomad."""
        return self.folder / "nomad-cert.pem"

    @property
    def nomad_key(self) -> Path:
        return self.folder / "nomad-key.pem"


@dataclass(frozen=True, kw_only=True)
class IssuedFiles(ClientFiles):
    """The files of credentials that were issued to another person or to a pipeline; the folder has mode 0700."""

    @property
    def record(self) -> Path:
        """Name, role, namespace and dates, as JSON."""
        return self.folder / "issued.json"

    @property
    def consul_token(self) -> Path:
        return self.folder / "consul-token"

    @property
    def nomad_token(self) -> Path:
        return self.folder / "nomad-token"

    @property
    def env(self) -> Path:
        """Exports for a shell whose working folder is this one."""
        return self.folder / "env"


@dataclass(frozen=True, kw_only=True)
class StatePaths(ClientFiles):
    """The state folder of one cluster on this machine, and the files in it. None of them need exist.

    ``folder`` is the cluster's folder in ``root``, mode 0700; the TLS files in it are the operator's.
    """

    root: Path
    """``.bakery`` beside the cluster file, or ``$BAKERY_STATE_DIR``; absolute."""
    gitignore: Path
    """The file that keeps secrets out of git: in ``.bakery``; in ``folder`` if ``root`` is not bakery's alone."""

    @property
    def bundle(self) -> Path:
        """The credentials bundle."""
        return self.folder / "bundle.json"

    @property
    def encrypted_bundle(self) -> Path:
        """The bundle if it is encrypted; then :attr:`bundle` does not exist."""
        return self.bundle.with_name(f"{self.bundle.name}.age")

    @property
    def journal(self) -> Path:
        return self.folder / "journal.json"

    @property
    def history(self) -> Path:
        """The file with the runs that changed the cluster: one event a line, as JSON."""
        return self.folder / "events.jsonl"

    @property
    def place(self) -> Path:
        """The file that records in which cloud the cluster was launched."""
        return self.folder / "cloud.json"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def roles(self) -> Path:
        """The folder of the leaf certificates that all hand-made nodes of a role share, one file per role."""
        return self.folder / "roles"

    @property
    def issued(self) -> Path:
        """The folder of the credentials that were issued to other people, one folder per name."""
        return self.folder / "issued"

    def issued_to(self, name: str) -> "IssuedFiles":
        """Return the files of the credentials that were issued under ``name``."""
        return IssuedFiles(folder=self.issued / name)

    def browser_cert(self, which: str) -> Path:
        """Return the path of the PKCS#12 file for ``consul`` or ``nomad`` that browsers import."""
        return self.folder / f"{self.folder.name}-{which}.p12"

    def check_place(self) -> None:
        """Refuse a file in the place of the state folder.

        Raises:
            UsageError: there is one.
        """
        for folder in (self.root, self.folder):
            if folder.exists() and not folder.is_dir():
                message = f"{folder} is not a folder, and the cluster's state has to be in it"
                raise UsageError(message=message, hint=f"move it away, or name another place with {ROOT_VARIABLE}")

    def ensure(self) -> None:
        """Create the folder with mode 0700, and before it the ``.gitignore`` that keeps it out of every commit.

        Raises:
            UsageError: the folder cannot be created, or cannot be made private.
        """
        self.check_place()
        try:
            ensure_private_folder(self.gitignore.parent)
            if not self.gitignore.exists() or not self.gitignore.read_bytes().strip():
                write_atomically(self.gitignore, b"*\n")
            ensure_private_folder(self.folder)
        except OSError as error:
            message = f"cannot make the state folder {self.folder}"
            hint = f"{ROOT_VARIABLE} names another place for it"
            raise UsageError(message=message, details=f"{error.filename}: {error.strerror}", hint=hint) from error


def owner_file(lock: Path) -> Path:
    """Return the path of the file that names the process that holds the lock."""
    return lock.with_name(lock.name + ".owner")


def known_clusters(cluster_file: Path) -> dict[str, StatePaths]:
    """Return the state paths of each cluster that has a state folder here, by name, in alphabetical order."""
    root = state_paths(cluster_file, "any").root
    try:
        names = sorted(folder.name for folder in root.iterdir() if folder.is_dir())
    except OSError:
        return {}
    return {name: state_paths(cluster_file, name) for name in names}


def state_paths(cluster_file: Path, cluster: str) -> StatePaths:
    """Return the state paths of ``cluster``: beside the cluster file, or below ``$BAKERY_STATE_DIR``."""
    moved = os.environ.get(ROOT_VARIABLE)
    root = (Path(moved).expanduser() if moved else cluster_file.parent / ROOT_NAME).absolute()
    folder = root / cluster
    return StatePaths(root=root, folder=folder, gitignore=(folder if moved else root) / ".gitignore")
