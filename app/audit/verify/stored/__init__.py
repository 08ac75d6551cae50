"""Verifying the record where it stands: the tables, and what was published outside the database.

verify_database  all that can be said                           (record.py)
StoredTree       one epoch: head, tiles, checkpoints, rows      (tree.py)
All SQL is in store.py.
"""

from app.audit.verify.stored.record import Surroundings, verify_database
from app.audit.verify.stored.tree import Connections

__all__ = ["Connections", "Surroundings", "verify_database"]
