"""`user`, `service`, `group`, `role` and `key`: who may ask, from the shell of the host.

Each command enters the corridor as the local operator, so it is recorded like anybody's change.
A running server notices within a second.
"""

from app.cli.identity.accounts import service
from app.cli.identity.groups import group, role
from app.cli.identity.keys import key
from app.cli.identity.users import user

__all__ = ["group", "key", "role", "service", "user"]
