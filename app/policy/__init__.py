"""Who may do what: documents of permits and forbids, compiled once, asked on every call.

Document   what the security officer writes, strict YAML                     (document.py, source.py, parse.py)
Patterns   wildcards in linear time; conditions with three answers           (pattern.py, condition.py)
Snapshot   the compiled active set; default deny, forbid wins                (snapshot.py)
Engine     the snapshot of this moment with memoised outlooks                (engine.py)
Explain    every rule's own answer; the cases a document brings along        (explain.py)
Versions   check, apply, roll back, compare; all SQL is in store.py          (versions.py)
Entrance: `Engine.decide` for the corridor, `Policies` for administrators.
"""

from app.policy.engine import Engine
from app.policy.versions import Policies, check

__all__ = ["Engine", "Policies", "check"]
