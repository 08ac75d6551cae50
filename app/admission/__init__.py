"""The one corridor: every governed call of every door passes `admit` before anything happens.

    async with admission.admit(call) as passage:
        reply = await upstream.send(passage, request)
        passage.note(usage=..., result=...)

Entering authenticates, decides and commits the intent; leaving commits the outcome, always.
Raises DeniedError (recorded) or RecordUnavailableError (nothing was dispatched).
"""

from app.admission.corridor import Admission
from app.admission.vetted import Vetted

__all__ = ["Admission", "Vetted"]
