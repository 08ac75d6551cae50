"""Tool servers behind the MCP door, in either era, over either transport.

Upstream     what the door sees: describe, request, forget, state   (ports.py)
Pipe         the conversation with a program                         (pipe.py, rate.py); ../supervisor keeps it running
RemoteServer a Streamable HTTP endpoint                              in ../remote
Servers      all of the profile's, under one task group             (servers.py)
"""
