"""Programs that serve HTTP on a port instead of talking through their pipes.

Ports     a free port for each, never the same twice             (numbers.py)
Lent      connections into a program's own network               (lent.py)
Web       the conversation with one such program                 (conversation.py)
placed    its port put into its arguments and environment        (placing.py)
"""

from app.mcp.web.conversation import Web
from app.mcp.web.lent import Lent
from app.mcp.web.numbers import Ports
from app.mcp.web.placing import placed

__all__ = ["Lent", "Ports", "Web", "placed"]
