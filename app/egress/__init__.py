"""Nothing leaves except to destinations the profile names.

Destinations  what is declared, by name              (destinations.py)
Connector     resolve, check the address, connect    (connector.py): every outbound client uses it
Guard         the process-wide tripwire              (guard.py): refuses what goes round the connector
enforce       the kernel's hold on this process      (enforcement.py): what the guard cannot see
rules         the same for packet filters and units  (rules/)
watching      what a running site does, from outside (watching/)
trust         TLS with the site's own authorities    (trust.py)
"""

from app.egress.connector import Connector
from app.egress.destinations import Destination, Destinations
from app.egress.enforcement import Held, enforce
from app.egress.guard import Guard, guarded_loop

__all__ = ["Connector", "Destination", "Destinations", "Guard", "Held", "enforce", "guarded_loop"]
