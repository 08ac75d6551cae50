"""Verifying an export: offline, with nothing but its folder and, better, a key from elsewhere.

verify_export  all that can be said      (export.py)
Files          read with care            (folder.py)
Manifest       what the export claims    (manifest.py)
"""

from app.audit.verify.exported.export import verify_export

__all__ = ["verify_export"]
