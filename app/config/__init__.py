"""The profile: one frozen typed tree, a section per room.

Read from one `profile.yaml`, then `SALLYPORT_*` variables, then flags (load.py).
`${VAR}` stands for an environment variable, `file:PATH` for a secret's file (secret.py).
The types in schema.py, section.py and tools.py are the reference: `sallyport config reference` prints them (reference.py).
Entrance: `load(...)` returns a `Profile` or raises one ConfigError that names file, key and remedy.
"""

from app.config.load import load
from app.config.schema import Profile
from app.config.secret import Secret

__all__ = ["Profile", "Secret", "load"]
