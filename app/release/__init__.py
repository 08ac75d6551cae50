"""Releases: what travels on a medium, whether it may be believed, and how it comes to serve. Runs without the server.

keyset.py    who signs, how many of them it takes, and how they are replaced
manifest.py  what is on a medium, its number, what it may follow
medium.py    reading a folder that may be hostile
trust.py     the keyset that is believed here
place.py     the folder of an installation: releases, links, state
journal.py   each step, on the disk before the next
programs.py  what is asked of a release's own program
service.py   systemd, or a person
health.py    /readyz of the release that is to be judged
staging.py   from the medium to a folder that is whole
update.py    switch, judge, undo
bundles.py   prices and policies that travel by themselves
installing/  install and uninstall
making/      keysets, manifests and signatures
"""
