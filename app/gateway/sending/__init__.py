"""An admitted request on its way: the places in their order, until one has begun to answer.

Attempts     which place next, again, or none                    (attempts.py)
Exchange     one request to one target and its answer            (exchange.py)
Bill         what was used, over all attempts                    (bill.py)
Trail        what the record keeps of the attempts               (trail.py)
"""

from app.gateway.sending.attempts import Attempts
from app.gateway.sending.way import Way

__all__ = ["Attempts", "Way"]
