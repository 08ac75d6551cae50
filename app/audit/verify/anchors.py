"""What an auditor brings along: trust that does not come from what is being judged."""

from collections.abc import Sequence

import msgspec

from app.audit.verify.notes import Key


class Anchors(msgspec.Struct, frozen=True, kw_only=True):
    """What the auditor brings along: keys, witnesses that must have cosigned, checkpoints by file name."""

    keys: Sequence[Key] = ()
    witnesses: Sequence[Key] = ()
    checkpoints: Sequence[tuple[str, bytes]] = ()
