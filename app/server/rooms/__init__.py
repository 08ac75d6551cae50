"""The wiring of single rooms, one file each: what of the profile, the folder and the database each is given.

database.py   the site's database, started if it is ours
roles.py      which of the database's roles does what; the schema brought up to date
recorder.py   the one writer of the record
keeping.py   persons and their keys, holds, erasures, retention
definitions.py  the catalog of what tool servers offer, and its notes in the record
seal.py       the signed tree over the record; seal_keys.py where its keys are, seal_checks.py what doctor says
forward.py    the record's sinks
pulls.py      secrets that a vault leads, and the jobs that pull them
api.py        what the admin API asks
"""
