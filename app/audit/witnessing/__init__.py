"""Witnesses (c2sp.org/tlog-witness): somebody elsewhere who cosigns a checkpoint only if it goes on from the last one.

witness.py  being one: what is cosigned, what is refused, remembered before it is answered
client.py   asking one, over HTTP to a declared destination
cosigning.py  the job that asks every witness of the profile, and what their refusals mean
"""
