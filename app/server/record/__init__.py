"""The record's own parts, wired.

seal.py     keys, checkpoints outside, leader, sealer and witnesses of a serving site
witness.py  the server that cosigns for other sites
"""
