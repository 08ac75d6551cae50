"""age v1 (age-encryption.org/v1): recipients, header, payload."""

from app.backup.age.header import FileKey, open_header, seal_header
from app.backup.age.keys import (
    Identity,
    Passphrase,
    Recipient,
    read_identities,
    read_passphrase,
    read_recipients,
)
from app.backup.age.stream import Decrypting, Encrypting

__all__ = [
    "Decrypting",
    "Encrypting",
    "FileKey",
    "Identity",
    "Passphrase",
    "Recipient",
    "open_header",
    "read_identities",
    "read_passphrase",
    "read_recipients",
    "seal_header",
]
