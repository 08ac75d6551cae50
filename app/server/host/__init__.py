"""What the operator of this host asks of the running server.

control  the socket in the data folder, and its other end for commands   (control.py)
Reload   the profile read again                                          (reload.py)
hangups  the same at each SIGHUP                                         (hangup.py)
"""
