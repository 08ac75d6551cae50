"""How a row is written for others; pure, and nothing in a row can break out of its frame.

text      what is allowed to stand in a line                (text.py)
plain     the canonical entry itself, JSON lines            (plain.py)
cef       ArcSight Common Event Format                      (cef.py)
ocsf      Open Cybersecurity Schema Framework 1.3           (ocsf.py)
syslog    RFC 5424 message around any of them               (syslog.py)
envelope  Splunk HEC events and Elasticsearch bulk actions  (envelope.py)
"""
