"""Pages about definitions of tool servers: the list, the difference, the verdict (definitions.py)."""

from app.console.catalog.definitions import Judging, views

__all__ = ["Judging", "views"]
