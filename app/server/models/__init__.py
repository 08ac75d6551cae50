"""The models of a serving site beside the calls: rows for whoever looks, metrics, events, looks at providers.

ModelRows      rows for the API, the console and the host's commands   (rows.py)
ModelMetrics   the same for Prometheus                                 (metrics.py)
transitions    opened and closed circuits in the record                (events.py)
Looking        providers asked for their models, also by the clock     (looking.py)
"""

from app.server.models.events import transitions
from app.server.models.looking import Looking
from app.server.models.metrics import ModelMetrics
from app.server.models.rows import ModelRows

__all__ = ["Looking", "ModelMetrics", "ModelRows", "transitions"]
