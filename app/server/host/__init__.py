"""The running server, and what the operator of this host asks of it.

Running  rooms, doors, listener and jobs over a database                (running.py)
control  the socket in the data folder                                   (control.py)
asked    its other end, for commands                                     (asking.py)
say_held what the kernel refuses this server, at its start              (held.py)
Reload   the profile read again                                          (reload.py)
hangups  the same at each SIGHUP                                         (hangup.py)
"""
