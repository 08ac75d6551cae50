"""Remote tool servers over Streamable HTTP, in whichever era they and the caller share.

RemoteServer the upstream: which era, and how it was at the last call          (server.py)
Modern       2026-07-28, where every request stands alone                      (modern.py)
Older        `initialize` and sessions, never one for two principals           (older.py, sessions.py)
Following    what a server says while its answer is under way                  (following.py)
Exchange     one POST and everything that comes back on it                     (exchange.py, sse.py)
"""
