"""The section of the profile about backups by the clock."""

from typing import Annotated

from msgspec import Meta

from app.config.section import Positive, Seconds, Section


class Backup(Section, frozen=True):
    """Backups by the clock into a folder; `sallyport backup` writes one at once."""

    folder: Annotated[
        str, Meta(description="where they go, such as a mounted disk; empty: none by the clock")
    ] = ""
    hours: Annotated[Seconds, Meta(description="hours between two of them")] = 24.0
    keep: Annotated[Positive, Meta(description="so many of this site's are kept there, the newest")] = 7
    recipients: Annotated[
        tuple[str, ...],
        Meta(description="public keys (age1…) of who may open them, also for `sallyport backup`"),
    ] = ()
    warn_after: Annotated[
        Seconds, Meta(description="hours after which `doctor` and `status` miss a backup")
    ] = 48.0
