"""What runs in a tool server's process before its program: it takes everything away and then becomes the program.

Nothing of this room imports anything but the standard library's smallest parts, and nobody but the command line's
first line imports `stub`: each spawn pays for its start (`app.egress.sandbox` is the side that asks).

Order      what is asked of it, as it travels through a pipe               (order.py)
kernel     the system calls that Python has no name for                    (kernel.py)
namespaces its own network, processes, mounts                              (namespaces.py)
landlock   which files it may read, write and execute                      (landlock.py)
seccomp    which system calls it may make                                  (seccomp.py)
limits     how much it may take: rlimits, control group                    (limits.py)
who        its user, and no capability                                      (who.py)
reach      its files and system calls                                       (reach.py)
outward    the same two for Sallyport itself: which ports, which kinds of sockets (outward.py)
stub       the steps in their order, and the report                        (stub.py)
"""
