"""Sealing: committed rows become leaves of a Merkle tree whose heads are signed and leave the database.

Tables of migration 0004; all SQL is in store.py. The order of the tree is the order of sealing.
"""
