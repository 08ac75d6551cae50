"""How long rows stay, what keeps them longer, and how they go.

Holds      rows that neither retention nor erasure may touch              (holds.py)
All SQL is in store.py; the tables and functions are those of the migration of persons.
"""

from app.audit.retention.holds import Holds, NewHold
from app.audit.retention.store import Hold

__all__ = ["Hold", "Holds", "NewHold"]
