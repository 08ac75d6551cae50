"""Tool servers inside this process: what a `ToolProvider` offers, as any other upstream.

ProvidedServer  the upstream, of the modern era      (server.py)
Answering       what a request is answered with      (answering.py)
Running         one call while it runs               (running.py)
Listeners       who wants to be told of changes      (listeners.py)
"""

from app.mcp.provided.server import ProvidedServer, provided

__all__ = ["ProvidedServer", "provided"]
