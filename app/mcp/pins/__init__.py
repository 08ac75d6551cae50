"""Definitions kept still at the door: what servers show is compared with what people approved.

Watch   notices at each listing, looks again before a call, and lets nothing changed through   (watch.py)
entries listings and introductions as definitions                                             (entries.py)
"""

from app.mcp.pins.watch import Watch

__all__ = ["Watch"]
