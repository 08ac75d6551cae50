"""From a credential to a Principal: who is asking, proven.

Authenticator   one verifier per credential type; a bad one is anonymous with a reason   (authenticator.py)
ApiKeyVerifier  bearer keys, verified once and cached until something changes           (api_keys.py)
Sessions        console sessions: begun by a password or a one-time link, idle and absolute limits
Passwords       Argon2id, lockout, the same work for unknown names
OAuth tokens, passkeys and federated sign-in register beside these: a verifier for a type, or a TokenVerifier.
"""
