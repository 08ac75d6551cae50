"""Poisoned definitions: what a tool's texts try to do to the model that reads them. Pure, in linear time.

Finding  a code, how bad, where, and the words          (finding.py)
words    texts folded to plain words                    (words.py)
phrases  hidden instructions as sequences of words      (phrases.py)
hidden   what people cannot see: invisible, turned around, encoded, commented out   (hidden.py)
names    tools that look like, or speak of, those of another server                 (names.py)
Entrance: `scan`.
"""

from app.catalog.scan.finding import Finding, Grade, holds, scan

__all__ = ["Finding", "Grade", "holds", "scan"]
