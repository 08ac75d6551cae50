"""A site in one encrypted file: the format of it, written and read in constant memory; no database, no network.

age/         the encryption, age v1: any `age` program opens what we write
parts.py     what stands inside: a tar of regular files, strictly the one we would write
contents.py  what the file says of itself, first and last, and the signature over it
writing.py   parts in, a file out that is whole or not there
reading.py   a file in, parts out, each held against what was signed
kept.py      how a site stands with its backups, for whoever looks
"""
