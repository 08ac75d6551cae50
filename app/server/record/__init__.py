"""The record's own parts, wired.

keys.py     where the signing keys are
seal.py     keys, checkpoints outside, leader, sealer and witnesses of a serving site
checks.py   what doctor says of it
witness.py  the server that cosigns for other sites
"""
