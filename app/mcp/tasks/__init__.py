"""Calls whose answer comes later: at the tool server, or here because a person must act first.

Task     what a client sees of one, in either era                              (task.py)
Ledger   tasks kept in the database, each bound to a principal and an endpoint (ledger.py, store.py)
Waiting  the port of whoever makes calls wait for people; pins are its first user (waiting.py)
Later    what is done for a call that waits                                    (later.py)
Following notifications of changes, to whoever listens for them        (following.py)
Tasks    what is done for tasks/get, update, cancel, result and list           (polling.py, carried.py)
"""

from app.mcp.tasks.later import Later
from app.mcp.tasks.ledger import Ledger
from app.mcp.tasks.polling import Tasks
from app.mcp.tasks.waiting import Quarantine, Waiting

__all__ = ["Later", "Ledger", "Quarantine", "Tasks", "Waiting"]
