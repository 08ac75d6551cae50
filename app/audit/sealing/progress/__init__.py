"""How far the record is sealed: writers, their next rows, and which leaves are whose rows; all of it SQL (store.py)."""
