"""Calls that wait for their client: a server of the older era asks in their middle, the client of 2026-07-28 stands apart.

Parked   one call, its request to the server open, with the questions it waits for   (call.py)
Parking  all of this node's: who may take up which, how many, for how long           (parking.py)
wire     questions as `inputRequests`, answers as responses: pure                    (wire.py)
"""

from app.mcp.parked.parking import Limits, Parking
from app.mcp.parked.wire import Waits

__all__ = ["Limits", "Parking", "Waits"]
