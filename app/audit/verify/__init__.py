"""Checking the record without trusting whoever sealed it: its own hashing and note checking, smaller than the sealer's.

verify_export    an export's folder, offline          (exported/)
verify_database  the record where it stands           (stored/)
check_proof      the proof of one row                 (proof.py)
Anchors          keys and checkpoints from elsewhere  (anchors.py)
Walk             tiles, the edge, earlier roots       (walk.py over tree.py)
Trust            keys whose signatures count          (notes.py)
Rows             what must hold between rows          (rows.py)
Report           faults with their place, doubts      (report.py)
"""

from app.audit.verify.anchors import Anchors
from app.audit.verify.exported import verify_export
from app.audit.verify.notes import Key, Trust, keys
from app.audit.verify.proof import check_proof
from app.audit.verify.report import EXIT, Fault, Report
from app.audit.verify.stored import Connections, Surroundings, verify_database
from app.audit.verify.unreadable import Unknown, Unreadable

__all__ = [
    "EXIT", "Anchors", "Connections", "Fault", "Key", "Report", "Surroundings", "Trust", "Unknown", "Unreadable",
    "check_proof", "keys", "verify_database", "verify_export",
]  # fmt: skip
