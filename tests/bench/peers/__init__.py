"""The systems we are compared with, each in an environment of its own under `.cache/bench/`.

A peer that cannot be installed is named as missing; nothing is ever reported for it.
"""

from tests.bench.peers.gateways import Bare, LiteLlm, Nginx, Portkey
from tests.bench.peers.peer import Peer, Place
from tests.bench.peers.tools import ContextForge

PEERS: tuple[Peer, ...] = (Nginx(), Bare(), LiteLlm(), Portkey(), ContextForge())

__all__ = ["PEERS", "Peer", "Place"]
