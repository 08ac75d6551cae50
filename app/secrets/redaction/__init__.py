"""Known secret values are taken out of whatever leaves: results, errors, logs, the record.

forms      the ways in which a value is written: JSON, percent, base64, hex   (forms.py)
Matcher    finds many literals in one pass over the text                       (matcher.py)
Redactor   replaces what was found by `[secret NAME]`                          (redactor.py)
Stream     the same over chunks, wherever they are cut                         (stream.py)
"""

from app.secrets.redaction.redactor import Redactor, marker
from app.secrets.redaction.stream import Stream

__all__ = ["Redactor", "Stream", "marker"]
