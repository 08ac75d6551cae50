"""The shorter way: plain requests for short endpoints are read and answered by ourselves, all others by aiohttp.

Shortcut          the listener's side: what is answered here, what is handed over   (shortcut.py)
QuickConnection   one connection while its requests are plain                       (connection.py)
QuickRequest, QuickStream   one request, and an answer in pieces                    (exchange.py)
read_head         the only reading that a plain head has                            (head.py)
Heads, chunk      answers as bytes                                                  (writing.py)
"""

from app.server.listen.quick.shortcut import Shortcut

__all__ = ["Shortcut"]
