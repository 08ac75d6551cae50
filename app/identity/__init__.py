"""Who is asking: accounts, groups, roles, credentials, sessions, and what may be spent.

Account      a user, service account or agent; its name is never used twice   (accounts.py)
Group, Role  who belongs together, and what they are                          (groups.py, roles.py)
ApiKey       shown once, kept as a hash; owner, scopes, expiry, budget        (keys.py)
Setup        one-time links: the first administrator, a sign-in               (setup.py)
signin/      from a credential to a Principal: keys, passwords, sessions
budgets/     reserve then settle under every budget that holds for a call
Each change takes a Passage first, runs alone under the identity lock, and bumps the version that caches follow.
Entrance: `Identity(pool=, clock=, settings=)` holds one service per noun; all SQL is in the store.py files.
"""

from app.identity.room import Identity

__all__ = ["Identity"]
