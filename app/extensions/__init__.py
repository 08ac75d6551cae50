"""Where Sallyport can grow: every point is one small Protocol or Struct with its failure rule.

Route   a door's HTTP endpoint (route.py): an exception answers 500 and is logged; the call is refused.
Built-in doors register through the same type as anybody's.
"""

from app.extensions.route import Endpoint, Params, Route

__all__ = ["Endpoint", "Params", "Route"]
