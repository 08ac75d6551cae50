"""The AI gateway: the vendors' APIs on their own paths, every request admitted, original bytes forwarded.

routes       the door's endpoints                                   (routes.py, invoke.py)
Models       what clients may name and where it goes                (models.py, money/)
Ask          a view of a request beside its bytes                   (ask.py)
Dialect      a vendor's wire format, without I/O                    (dialects/)
Relay        a stream under way: text flows, tool uses are judged   (relay.py, sse.py, tooluse.py)
Entrance: `open_models(...)`, then `routes(admission=, models=)`.
"""

from app.gateway.models import Models, open_models
from app.gateway.money import read_prices
from app.gateway.routes import routes

__all__ = ["Models", "open_models", "read_prices", "routes"]
