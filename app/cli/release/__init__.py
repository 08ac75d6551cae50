"""`install`, `uninstall`, `update` and `release`: how the file comes to a host, is replaced, and goes.

where.py      which installation, which site, and how the server is asked whether it is ready
install.py    install, uninstall
update.py     update verify, apply, rollback, settle, status
bundle.py     update apply, for prices and policies
making.py     release new-key, keyset, manifest, sign
recording.py  these changes in the site's record; update record
"""
