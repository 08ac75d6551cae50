"""How rows travel: each transport takes written rows and says when the other side has them.

port     what a transport does, and its failure rule     (port.py)
file     JSON lines in a file that is rotated            (file.py)
stream   syslog over TCP or TLS                          (stream.py)
client   one HTTP connection to a declared destination   (client.py)
splunk   HTTP Event Collector                            (splunk.py)
post     plain HTTP: JSON array, lines, bulk             (post.py)
"""

from app.audit.sinks.transports.port import Transport

__all__ = ["Transport"]
