"""Which place gets a call, and what happens when it fails: rules without I/O, time and chance as arguments.

Names        what a client's name means: itself, an alias, a pattern        (names.py)
Traits       what routes look at in a request                               (traits.py)
make_plan    the places in the order to try, never one without the labels   (plan.py, entries.py)
after        again, the next one, or the end                                (retry.py)
Standing     how a place is: circuit, what its provider said about limits   (standing.py, breaker.py, rates.py)
Turns        so many at once, the others wait a little                      (turns.py)
"""

from app.gateway.routing.breaker import Breaker, Rules
from app.gateway.routing.entries import Branch, Entry, Place
from app.gateway.routing.names import Names
from app.gateway.routing.plan import Caller, Plan, make_plan
from app.gateway.routing.rates import closed_for
from app.gateway.routing.retry import Ended, Next, after, pause, told_to_wait
from app.gateway.routing.standing import Standing
from app.gateway.routing.traits import Traits, read_traits
from app.gateway.routing.turns import Turns

__all__ = [
    "Branch",
    "Breaker",
    "Caller",
    "Ended",
    "Entry",
    "Names",
    "Next",
    "Place",
    "Plan",
    "Rules",
    "Standing",
    "Traits",
    "Turns",
    "after",
    "closed_for",
    "make_plan",
    "pause",
    "read_traits",
    "told_to_wait",
]
