"""Secrets that are led elsewhere: copied from a Vault or OpenBao server whenever they change there.

VaultClient  its HTTP API: AppRole, token, KV version 2   (client.py)
Pull         one look: what differs is set or rotated     (pull.py)
"""

from app.secrets.vault.client import Found, VaultClient
from app.secrets.vault.pull import Pull, VaultStatus

__all__ = ["Found", "Pull", "VaultClient", "VaultStatus"]
