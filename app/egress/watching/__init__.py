"""What a running site does on the network, seen from outside of it: from /proc, from packets, by trying.

processes  the server and all that it started            (processes.py)
sockets    their sockets and peers (proc(5))             (sockets.py)
packets    what leaves the interfaces (packet(7))        (packets.py)
attempts   what must be refused, tried in a child        (attempts.py)
watch      all of it for some seconds, and the verdict   (watch.py)

Nothing here asks the server: a server that lies is found all the same.
"""

from app.egress.watching.attempts import Attempt, attempts
from app.egress.watching.processes import find_server, listening_on
from app.egress.watching.watch import Seen, Sighting, Watched, watch

__all__ = ["Attempt", "Seen", "Sighting", "Watched", "attempts", "find_server", "listening_on", "watch"]
