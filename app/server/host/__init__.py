"""What the operator of this host asks of the running server.

control  the socket in the data folder, and its other end for commands   (control.py)
say_held what the kernel refuses this server, at its start              (held.py)
Reload   the profile read again                                          (reload.py)
"""
