"""A stdio bridge: desktop clients that start a program speak to a site's MCP endpoint over HTTPS through it.

It runs where the client runs, without a site, database or profile, and reaches the one URL it was given.

Credentials  what proves who the client is, asked for before each request     (link.py)
Link         one endpoint over HTTP: requests out, messages back              (link.py)
Bridge       which message goes where; session, reconnecting, cancelling      (bridge.py)
stdio        lines in and out                                                 (stdio.py)
"""

from app.mcp.bridge.bridge import Bridge
from app.mcp.bridge.link import Credentials, Key, Link
from app.mcp.bridge.stdio import Lines, Output

__all__ = ["Bridge", "Credentials", "Key", "Lines", "Link", "Output"]
