"""The only place where things are wired together.

open_site   database, rooms and corridor of one site, without a listener   (site.py)
serve       the running server: doors, listener, jobs, drain               (serve.py)
Listener    aiohttp's low-level server, our router, Host check, limits      (listener.py, router.py)
folder      the data folder and its first-run set-up                        (folder.py, tls.py)
"""
