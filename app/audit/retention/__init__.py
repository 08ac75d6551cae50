"""How long rows stay, what keeps them longer, and how they go.

Holds       rows that neither retention nor erasure may touch              (holds.py)
Retention   what is over goes, a month at a time, under sealed statements  (retention.py)
All SQL is in store.py; rows are removed by the database's own `audit_remove` only, which reads the statement.
"""

from app.audit.retention.holds import Holds, NewHold
from app.audit.retention.retention import Due, Removed, Retention
from app.audit.retention.store import Hold, Removal

__all__ = ["Due", "Hold", "Holds", "NewHold", "Removal", "Removed", "Retention"]
