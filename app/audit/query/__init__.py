"""Asking the record: any filter, pages that stay fast and stable while rows arrive, new calls as they end.

Query      what is asked for                                     (query.py)
moments    points in time as people and programs write them      (moments.py)
Asking     pages by keyset, and what is new                      (asking.py)
lines      a call with its outcome as one line                    (lines.py)
columns    a line's columns by name, as text and as JSON values  (columns.py)
writers    table, CSV, JSON and JSON lines, a page at a time     (writers.py)
All SQL is in store.py.
"""

from app.audit.query.asking import Asking, Page
from app.audit.query.lines import RecordLine
from app.audit.query.query import Query, cursor_of, id_of_cursor

__all__ = ["Asking", "RecordLine", "Page", "Query", "cursor_of", "id_of_cursor"]
