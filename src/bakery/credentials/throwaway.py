"""An SSH key that nobody can use, for DigitalOcean, which mails a root password where a droplet has no key."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def throwaway_public_key() -> str:
    """The public half of a fresh Ed25519 key, one OpenSSH line; the private half is gone when this returns."""
    public = Ed25519PrivateKey.generate().public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
