"""Installing the file into a prefix of its own, and taking it away again.

unit.py     the systemd units
trust.py    lines for fapolicyd and sha256sum
install.py  what is done, in order, or only said
remove.py   uninstalling
"""
