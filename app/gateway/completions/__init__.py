"""OpenAI's legacy completions: forwarded where a provider has them, else asked for as a chat where that is faithful.

COMPLETIONS        the dialect: answers and chunks               (dialect.py)
read_request …     one prompt as one turn of a chat, and back    (words.py)
"""

from app.gateway.completions.dialect import COMPLETIONS
from app.gateway.completions.words import CompletionStream, read_request, write_answer

__all__ = ["COMPLETIONS", "CompletionStream", "read_request", "write_answer"]
