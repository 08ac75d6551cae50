"""`/api/v1/tool-servers`: tool servers as they are, and the restart of a program.

ToolServer, ToolServers  what the door needs of them   (servers.py)
"""

from app.api.tools.servers import Measure, ToolServer, ToolServers, operations

__all__ = ["Measure", "ToolServer", "ToolServers", "operations"]
