"""`/api/v1/tool-servers`: tool servers as they are, and the restart of a program.

ToolServer, ToolServers  what the door needs of them   (servers.py)
`/api/v1/sign-ins`       sign-ins at remote ones       (sign_ins.py)
"""

from app.api.tools import sign_ins
from app.api.tools.servers import Measure, ToolServer, ToolServers, operations

__all__ = ["Measure", "ToolServer", "ToolServers", "operations", "sign_ins"]
