"""Checking the record without trusting whoever sealed it: its own hashing and note checking, smaller than the sealer's.

verify_export  an export's folder, offline                       (exported.py: folder, manifest, statements)
check_proof    the proof of one row                              (proof.py)
Walk           tiles, the edge, earlier roots                    (walk.py over tree.py)
Trust          keys whose signatures count                       (notes.py)
Rows           what must hold between rows                       (rows.py)
Report         faults with their place, doubts, notices          (report.py)
"""

from app.audit.verify.exported import Anchors, verify_export
from app.audit.verify.notes import Key, Trust, keys
from app.audit.verify.proof import check_proof
from app.audit.verify.report import EXIT, Fault, Report
from app.audit.verify.unreadable import Unknown, Unreadable

__all__ = [
    "EXIT", "Anchors", "Fault", "Key", "Report", "Trust", "Unknown", "Unreadable", "check_proof", "keys",
    "verify_export",
]  # fmt: skip
