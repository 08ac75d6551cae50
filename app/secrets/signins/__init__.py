"""Sign-ins at remote tool servers: tokens kept sealed, one for each server and principal, renewed by one at a time.

Vault     keep, find, lease, end; begun sign-ins; registered clients   (vault.py, sealing.py)
Grant     what is inside a box                                         (records.py)
SignsIn   what doors ask, whoever does it                              (ports.py)
All SQL is in store.py.
"""

from app.secrets.signins.ports import Begun, SignInState, SignsIn
from app.secrets.signins.records import Attempt, Client, Grant, Held, Via
from app.secrets.signins.vault import Vault

__all__ = ["Attempt", "Begun", "Client", "Grant", "Held", "SignsIn", "SignInState", "Vault", "Via"]
