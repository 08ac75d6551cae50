"""Tool servers behind the MCP door, in either era, over either transport.

Upstream     what the door sees: describe, request, forget, state   (ports.py)
StdioServer  a program, kept running and ended as a whole           (stdio.py, pipe.py, child.py)
RemoteServer a Streamable HTTP endpoint, a session per principal    (remote.py, sse.py)
Servers      all of the profile's, under one task group             (servers.py)
"""
