"""The server `sallyport`: what an agent may ask Sallyport about itself. It changes nothing and shows nobody else.

Own      the provider                               (own.py)
answers  what its tools take and say                (answers.py)
"""

from app.mcp.own.answers import Denial
from app.mcp.own.own import NAME, Own

__all__ = ["NAME", "Denial", "Own"]
