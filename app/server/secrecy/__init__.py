"""The secrets of a site, wired.

open_secrets  the room, its master key's source, and who declares what   (opening.py)
Asking        a passphrase from a descriptor, a variable or a terminal   (asking.py)
quiet_logs    no known value in our own log; no memory in a core dump    (quiet.py)
"""

from app.server.secrecy.opening import open_secrets
from app.server.secrecy.quiet import quiet_logs

__all__ = ["open_secrets", "quiet_logs"]
