"""Persons in the record: their values are sealed under a key each, and erased by destroying it.

box        values and contents, sealed and opened                         (box.py)
SiteKey    wraps the keys; it is never in the database                    (site_key.py)
Persons    whose values a row holds; known persons cost no question       (persons.py)
Reveal     rows as people may read them                                   (reveal.py)
Erasure    the key destroyed, stated in the record and outside            (erasure.py)
"""

from app.audit.subjects.persons import NOBODY, Owners, Persons, Subject
from app.audit.subjects.reveal import Reveal

__all__ = ["NOBODY", "Owners", "Persons", "Reveal", "Subject"]
