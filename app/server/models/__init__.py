"""The models of a serving site: opened with their prices, shown to whoever looks, watched by looks at providers.

SiteModels     all of it, for the doors                                (opening.py)
ModelRows      rows for the API, the console and the host's commands   (rows.py)
ModelMetrics   the same for Prometheus                                 (metrics.py)
transitions    opened and closed circuits in the record                (events.py)
Looking        providers asked for their models, also by the clock     (looking.py)
"""

from app.server.models.looking import Looking
from app.server.models.opening import SiteModels, open_site_models
from app.server.models.rows import ModelRows

__all__ = ["Looking", "ModelRows", "SiteModels", "open_site_models"]
