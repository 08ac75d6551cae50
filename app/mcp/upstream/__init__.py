"""Tool servers behind the MCP door, in either era, over either transport.

Upstream     what the door sees: describe, request, forget, state    (ports.py)
Pipe         the conversation with a program                         (pipe.py, pending.py, wires.py, rate.py)
Asking       callers without a session before servers that ask       (asking.py, guest.py)
Servers      all of the profile's, under one task group              (servers.py)

Programs are kept running by ../supervisor; remote servers are in ../remote.
"""
