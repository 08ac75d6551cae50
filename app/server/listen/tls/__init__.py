"""What the listener shows itself with: the site's own certificate, or one of a local authority.

Certificate  read again when its files change                     (certificate.py)
issuing      the local authority, imported only when it must issue (issuing.py)
Entrance: `certificate_for(...)`.
"""

from app.server.listen.tls.certificate import Certificate, certificate_for

__all__ = ["Certificate", "certificate_for"]
