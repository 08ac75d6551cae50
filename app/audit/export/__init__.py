"""The record as a folder that anybody can check: a static tlog-tiles log with keys, statements and a manifest.

Exports   asks for one of the site's record                                 (exports.py)
SealedLog the database as a source                                          (log.py)
prove     the proof of one row                                              (proof.py)
Bundle    writes one from any sealed log                                    (bundle.py)
Source    what such a log answers; Head, Context                            (source.py)
Folder    there as a whole or not at all                                    (folder.py)
Manifest  what an export holds, signed as a whole                           (manifest.py)
"""

from app.audit.export.bundle import Asked, Bundle
from app.audit.export.exports import Exports, Wanted
from app.audit.export.folder import Folder
from app.audit.export.log import Beside, SealedLog, open_log
from app.audit.export.manifest import Manifest, signed_text
from app.audit.export.proof import Proof, prove
from app.audit.export.source import Context, Head, Source

__all__ = [
    "Asked", "Beside", "Bundle", "Context", "Exports", "Folder", "Head", "Manifest", "Proof", "SealedLog", "Source",
    "Wanted", "open_log", "prove", "signed_text",
]  # fmt: skip
