"""OpenAI's embeddings: forwarded to providers that have them, refused for others; only their usage is looked at.

EMBEDDINGS   the dialect   (dialect.py)
"""

from app.gateway.embeddings.dialect import EMBEDDINGS

__all__ = ["EMBEDDINGS"]
