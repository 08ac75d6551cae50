"""Signing in at remote tool servers: the pages, and the door that browsers come back to (pages.py, returning.py)."""

from app.console.upstream.pages import SigningIn, views
from app.console.upstream.returning import Returning

__all__ = ["Returning", "SigningIn", "views"]
