"""Signing in at remote tool servers: the client side of OAuth 2.1, per user, tokens kept in the vault of `secrets`.

Metadata    what servers publish about themselves, read without I/O     (metadata.py)
Fetch       one bounded question to a declared destination              (fetch.py)
Discovery   from a server's URL to its authorization server             (discovery.py)
Clients     who we are there: registered, a document, or by ourselves   (clients.py)
Tokens      the token endpoint: redeem, renew, revoke                   (tokens.py)
SignIns     begin, complete, sign out                                   (sign_ins.py)
Bearer      the token of each request, renewed by one at a time         (bearer.py)
"""

from app.mcp.oauth.bearer import Authorizes, Bearer, Refusal
from app.mcp.oauth.clients import document
from app.mcp.oauth.fetch import Fetch
from app.mcp.oauth.parts import Note, Parts
from app.mcp.oauth.sign_ins import CALLBACK, DOCUMENT, SignIns
from app.mcp.oauth.visit import sign_in_by
from app.mcp.oauth.wanted import SignInError, SignInWanted

__all__ = [
    "CALLBACK",
    "DOCUMENT",
    "Authorizes",
    "Bearer",
    "Fetch",
    "Note",
    "Parts",
    "Refusal",
    "SignInError",
    "SignInWanted",
    "SignIns",
    "document",
    "sign_in_by",
]
