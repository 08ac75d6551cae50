"""`backup` and `restore`: a whole site in one encrypted file, and back."""

from app.cli.backup.restore import restore
from app.cli.backup.write import backup

__all__ = ["backup", "restore"]
