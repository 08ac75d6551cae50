"""The only place where things are wired together.

open_site   database, rooms and corridor of one site, without a listener   (site.py)
serve       the running server: doors, listener, jobs, drain               (serve.py)
listen/     the listening side: sockets, routes, certificates, health
folder      the data folder and its first-run set-up                        (folder.py, first_run.py)
"""
