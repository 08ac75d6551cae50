"""Sealing: committed rows become leaves of a Merkle tree whose heads are signed and leave the database.

sealer.py      one step a second by the leader; gather.py which rows, tree.py the tree under way
authority.py   whose turn it is to sign; rotate.py hands over
outside.py     checkpoints in files and syslog
continuity.py  whether the database still holds what was signed; restore.py the ceremony when it does not
state.py       alarms and metrics; survey.py how it stands, for commands
recording.py   a row in the same transaction as a change of the seal
progress/      whose rows are leaves already, and what comes next
All SQL is in store.py of both folders, the tables in migration 0004. The order of a tree is the order of sealing.
"""
