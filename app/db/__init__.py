"""PostgreSQL: connections, rows as Structs, migrations, notifications, the embedded server.

Reached only from `store.py` files, `jobs`, `server` and the migrate command.
connect.py   one connection or a pool, each checked before use
rows.py      rows as validated Structs
migrate.py   numbered SQL files, forward only
embedded.py  the server that the file brings along; keeping.py  who of us runs it
"""

from app.db.connect import Connection, Pool, connect, deadline, open_pool, transaction, trouble_told
from app.db.rows import struct_row

__all__ = [
    "Connection",
    "Pool",
    "connect",
    "deadline",
    "open_pool",
    "struct_row",
    "transaction",
    "trouble_told",
]
