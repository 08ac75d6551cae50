"""The console's pages of secrets: listed, set, rotated, granted, taken away, destroyed; no page ever shows a value."""

from app.console.secrets.changing import Changing
from app.console.secrets.pages import views

__all__ = ["Changing", "views"]
