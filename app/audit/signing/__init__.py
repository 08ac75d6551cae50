"""The private keys of the record: where they are kept, how they are read, never in the database.

keys.py   key files and their sources: data folder, a file of the operator's, a systemd credential
files.py  files that are there whole or not at all
"""
