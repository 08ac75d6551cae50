"""The one tree of errors: each says what happened and what to do next."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # every command imports this module, and most need nothing that Decision brings
    from app.core.verdict import Decision


class SallyportError(Exception):
    """Root of all expected failures; `remedy` is one sentence for the person who can mend it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class ConfigError(SallyportError):
    """The profile, environment or flags cannot be used; the command line exits with 2."""


class MasterKeyError(ConfigError):
    """The master key of secrets is missing, wrong, or readable by others; nothing sealed is opened."""


class SignerError(ConfigError):
    """The device with the record's keys is away, fails, or is not the one that it says; nothing is sealed."""


class BoxError(SallyportError):
    """A sealed box does not open: damaged, of another row or version, or of another key."""


class SecretError(SallyportError):
    """A declared secret cannot be given: it is not there, not granted, or does not open."""


class InputError(SallyportError):
    """The caller sent something unusable (HTTP 400); `status` narrows it."""

    def __init__(
        self, message: str, *, remedy: str = "", status: int = 400, code: str = "invalid_request"
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.code = code


class NotFoundError(SallyportError):
    """The named thing does not exist (HTTP 404)."""


class ConflictError(SallyportError):
    """The change contradicts what is there (HTTP 409)."""


class DeniedError(SallyportError):
    """The corridor said no; carries the recorded decision."""

    def __init__(self, decision: "Decision", *, trace_id: str, anonymous: bool) -> None:
        super().__init__(decision.message)
        self.decision = decision
        self.trace_id = trace_id
        self.anonymous = anonymous


class RecordUnavailableError(SallyportError):
    """The record cannot be written, so the call is refused (HTTP 503); `retry_after` in seconds."""

    def __init__(self, message: str, *, retry_after: int = 2) -> None:
        super().__init__(message, remedy="Nothing was dispatched; try again when the database is back.")
        self.retry_after = retry_after


class ProofError(SallyportError):
    """A note, checkpoint, tile or proof is malformed or does not verify; nothing in it may be believed."""


class ReleaseError(SallyportError):
    """A medium that may not be believed, or an update that cannot be done; what runs goes on running."""


class DatabaseError(SallyportError):
    """The database cannot be used: unreachable, too new, tampered migration, wrong settings."""


class EgressError(SallyportError):
    """A destination that the profile does not declare, or one that is never allowed."""


class UpstreamError(SallyportError):
    """The other side failed; `kind` is connect, timeout, closed, protocol, too_large, status, event or busy.

    `retry_after` are the seconds after which it may be better; 0 when nobody knows.
    """

    def __init__(self, message: str, *, kind: str, status: int = 502, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status
        self.retry_after = retry_after


class DeliveryError(SallyportError):
    """A sink did not take rows. `refused`: it will not take these; `retry_after` in seconds, when it says so."""

    def __init__(
        self, message: str, *, remedy: str = "", refused: bool = False, retry_after: float = 0.0
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.refused = refused
        self.retry_after = retry_after
