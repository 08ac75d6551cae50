"""The site's tool servers: wired, measured, shown.

tool_servers   all of the profile's; builder makes those of a changed one   (building.py)
own_tools      Sallyport's own, the server `sallyport`                      (own.py)
ServerMetrics  their numbers                                                (metrics.py)
LookedAt       their rows                                                   (shown.py)
"""

from app.server.tools.building import US, Build, builder, recorded, surroundings, tool_servers
from app.server.tools.metrics import ServerMetrics
from app.server.tools.shown import LookedAt

__all__ = [
    "US",
    "Build",
    "LookedAt",
    "ServerMetrics",
    "builder",
    "recorded",
    "surroundings",
    "tool_servers",
]
