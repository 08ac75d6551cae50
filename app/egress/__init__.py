"""Nothing leaves except to destinations the profile names.

Destinations  what is declared, by name              (destinations.py)
Connector     resolve, check the address, connect    (connector.py): every outbound client uses it
Guard         the process-wide tripwire              (guard.py): refuses what goes round the connector
trust         TLS with the site's own authorities    (trust.py)
"""

from app.egress.connector import Connector
from app.egress.destinations import Destination, Destinations
from app.egress.guard import Guard, guarded_loop

__all__ = ["Connector", "Destination", "Destinations", "Guard", "guarded_loop"]
