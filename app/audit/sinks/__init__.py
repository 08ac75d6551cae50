"""Where the record is forwarded to: store and forward, at least once, duplicates by the same id.

Sinks       all of a site: run, status, pause, replay, test                   (sinks.py)
Forwarder   one sink: who leads, back-off, lag, what it says of itself        (forwarding.py)
Delivery    one run: read, write, send, move the cursors                      (delivery.py)
Follower    the rows after a place in the record, none skipped                (follow.py)
writing     which rows, and how they are written; formats/ are pure           (writing.py)
opening     from the profile to a transport; transports/ and diode/ carry      (opening.py)
Watch       the record as it grows, for one reader with a place of their own  (watch.py, place.py)
The record is the store; cursors per sink and boot stand in audit_sink_cursors. SQL is in store.py.
"""

from app.audit.sinks.metrics import SinkMetrics
from app.audit.sinks.opening import Ways
from app.audit.sinks.sinks import Sinks, SinkStatus

__all__ = ["SinkMetrics", "SinkStatus", "Sinks", "Ways"]
