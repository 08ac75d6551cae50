"""Tool servers of a site: how their definitions are trusted, and what is written down about them (definitions.py)."""

from app.server.tools.definitions import announcer, open_catalog

__all__ = ["announcer", "open_catalog"]
