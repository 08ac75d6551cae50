"""The private keys of the record: where they are kept, how they are read, never in the database.

source.py      what sealing needs of the place where keys are
keys.py        key files: data folder, a file of the operator's, a systemd credential
device.py      keys that stay inside a device: an extension's RecordSigner
statements.py  statements about keys, beside them
files.py       files that are there whole or not at all
"""
