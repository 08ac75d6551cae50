"""Tools: the Model Context Protocol in front of and behind the corridor, both eras at the same URL.

Message    JSON-RPC, and the per-request envelope of 2026-07-28      (protocol.py, envelope.py)
Method     what a request is to policy: an action on a resource      (methods.py)
Calls      one request as a governed call        (calls.py, turn.py, turns.py, rounds.py, results.py, answers.py)
Parking    calls that wait for their client to answer a question             (parked/)
Streams    sessions of the older era and what they hear                      (streams/)
Tasks      calls whose answer comes later                                    (tasks/)
Seal       what passes through a client and must come back unchanged (inputs.py)
Catalogue  what a caller is shown                                    (catalogue.py, listing.py, names.py)
Door       Streamable HTTP at /mcp and /mcp/{server}                 (door.py)
Servers    the tool servers behind it                                (upstream/, remote/)
Supervised programs, kept as the profile wants them                  (supervisor/)
Registry   this site in the shape of the MCP registry API            (registry/)
Bridge     stdio in front of a site, for desktop clients             (bridge/)
Watch      definitions compared with what people approved            (pins/)
Provided   tool servers inside this process                          (provided/)
"""

from app.mcp.calls import Calls
from app.mcp.door import open_calls, routes
from app.mcp.pins import Watch
from app.mcp.provided import provided
from app.mcp.registry import registry_routes
from app.mcp.supervisor import Surroundings
from app.mcp.tasks import Ledger, Quarantine
from app.mcp.turn import Inbound
from app.mcp.upstream.servers import Servers, programs, remotes

__all__ = [
    "Calls",
    "Inbound",
    "Ledger",
    "Quarantine",
    "Servers",
    "Surroundings",
    "Watch",
    "open_calls",
    "programs",
    "provided",
    "registry_routes",
    "remotes",
    "routes",
]
