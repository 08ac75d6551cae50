"""Master keys, and the places they come from: each a MasterKeySource, registered by name like anybody's.

SoftwareKey        32 bytes in memory                                  (software.py)
FileSource         a private file, made at the first run               (file.py)
CredentialSource   a credential that systemd decrypts for the service  (credential.py)
PassphraseSource   Argon2id of what a person or a descriptor says      (passphrase.py)
"""

from app.secrets.keys.credential import CredentialSource
from app.secrets.keys.file import FileSource
from app.secrets.keys.passphrase import PassphraseSource
from app.secrets.keys.software import SoftwareKey

__all__ = ["CredentialSource", "FileSource", "PassphraseSource", "SoftwareKey"]
