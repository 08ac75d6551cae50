"""The site's tool servers: wired, measured, shown.

tool_servers   all of the profile's; builder makes those of a changed one   (building.py)
own_tools      Sallyport's own, the server `sallyport`                      (own.py)
ServerMetrics  their numbers                                                (metrics.py)
LookedAt       their rows                                                   (shown.py)
sign_in_parts  signing in at those that want it                             (signing.py)
"""

from app.server.tools.building import US, Build, builder, recorded, surroundings, tool_servers
from app.server.tools.metrics import ServerMetrics
from app.server.tools.shown import LookedAt
from app.server.tools.signing import client_document, end_of_the_gone, sign_in_findings, sign_in_parts

__all__ = [
    "US",
    "Build",
    "LookedAt",
    "ServerMetrics",
    "builder",
    "client_document",
    "end_of_the_gone",
    "recorded",
    "sign_in_findings",
    "sign_in_parts",
    "surroundings",
    "tool_servers",
]
