"""Make an SSH key without a private half: DigitalOcean mails a root password for a droplet that has no key."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def throwaway_public_key() -> str:
    """Return the public half of a new Ed25519 key as one OpenSSH line, and discard the private half."""
    public = Ed25519PrivateKey.generate().public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
