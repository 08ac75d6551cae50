"""The record: an append-only log that is written before anything happens.

Event     one row: typed columns, body, and the canonical bytes that are hashed   (event.py)
Recorder  group commit over a connection of its own                               (recorder.py)
rows      rows on their way, and rows that close what nobody else will           (rows.py)
Recovery  intents without outcome are closed as lost                              (recovery.py)
Reading   list, one event, one trace                                              (reading.py)
sinks/    where the record is forwarded to, and the record as it grows
All SQL is in store.py; views `ai_requests`, `mcp_tool_executions`, `governance_decisions` are for auditors.
"""
