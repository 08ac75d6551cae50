"""What tool servers say they offer, held still: a definition is used as a person has seen it, or not at all.

Definition  one tool, prompt, template or server introduction, whole, by its digest     (definition.py, program.py)
Finding     what in a definition smells of poisoning                                     (scan/)
Pin         what is approved, what waits, what was seen last; the rules of a change      (pins.py)
Catalog     the pins of this moment, asked on every call and listing                     (catalog.py)
Review      pending definitions with their diff, approved or rejected by a person        (review.py)
Entrance: `Catalog.hold` for the corridor, `Catalog.notice` for whoever reads servers, `Review` for people.
"""

from app.catalog.catalog import Catalog, Hold, Sighting
from app.catalog.definition import Definition, Kind, define
from app.catalog.pins import Change
from app.catalog.review import Review

__all__ = ["Catalog", "Change", "Definition", "Hold", "Kind", "Review", "Sighting", "define"]
