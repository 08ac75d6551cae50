"""Secrets: sealed in the database, opened in memory, given only where they are declared and granted.

Box        AES-256-GCM bound to its row, data keys wrapped by the master key       (box.py)
Keys       file, systemd credential, passphrase, or an extension                   (keys/, keyring.py)
Snapshot   the catalogue proven and opened, replaced as a whole                    (snapshot.py, catalogue.py)
Secrets    set, rotate, grant, revoke, delete, history, check                      (room.py, rekey.py)
Broker     gives values to a spawn or to an admitted call                          (broker.py)
Vault      tokens of sign-ins at remote tool servers                       (signins/)
Redactor   takes known values out of what leaves                                   (redaction/)
All SQL is in store.py. Never run a file of `app/` directly: this room would shadow the standard `secrets`.
"""

from app.secrets.broker import NOTHING, Broker, Injection
from app.secrets.keyring import Keyring
from app.secrets.redaction import Redactor, Stream
from app.secrets.room import Secrets

__all__ = ["NOTHING", "Broker", "Injection", "Keyring", "Redactor", "Secrets", "Stream"]
