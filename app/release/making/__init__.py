"""The other side: what makers of media do, on machines that need nothing but this file.

keys.py      keys of holders, keysets
manifest.py  the manifest of a folder, and its SHA256SUMS
sign.py      signatures, added one holder at a time
"""
