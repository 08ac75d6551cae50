"""`/api/v1/sinks` and `/api/v1/audit/stream`: where the record goes, and the record as it grows.

operations   list, show, pause, resume, replay, forget   (operations.py)
stream       server-sent events, resumable               (stream.py)
"""

from app.api.sinks.operations import operations
from app.api.sinks.stream import stream_route

__all__ = ["operations", "stream_route"]
