"""Gives secrets away: to a program at its spawn, or to an admitted call; only what is declared and granted."""

from collections.abc import Callable, Mapping

from app.config.slots import parse_slot
from app.core.errors import SecretError
from app.core.passage import Passage
from app.secrets.snapshot import Opened, Snapshot

Fields = tuple[tuple[str, str], ...]


class Injection:
    """What one program is given at one spawn: variables, and bytes to be read from descriptors. Never shown."""

    __slots__ = ("descriptors", "environment", "used")

    def __init__(
        self, *, environment: Mapping[str, str], descriptors: Mapping[str, bytes], used: tuple[str, ...]
    ) -> None:
        self.environment = environment
        self.descriptors = descriptors
        """Variable that will hold the descriptor's number, and what is read from it."""
        self.used = used
        """Names and versions, for the record."""

    def __repr__(self) -> str:
        return f"Injection({', '.join(self.used)})"


NOTHING = Injection(environment={}, descriptors={}, used=())


class Broker:
    """Reads the catalogue of this moment; a failure is a SecretError that names the secret and the remedy."""

    def __init__(self, now: Callable[[], Snapshot]) -> None:
        self._now = now

    def injection(self, recipient: str, declared: Mapping[str, str]) -> Injection:
        """For the supervisor's spawn of a program: where a secret goes, and which."""
        environment: dict[str, str] = {}
        descriptors: dict[str, bytes] = {}
        used: list[str] = []
        for key, name in declared.items():
            slot, secret = parse_slot(key, remote=False, where=recipient), self._secret(recipient, name)
            if slot.kind == "descriptor":
                descriptors[slot.name] = secret.value
            else:
                environment[slot.name] = _variable(secret)
            used.append(f"{name}@{secret.version}")
        return Injection(environment=environment, descriptors=descriptors, used=tuple(used))

    def fields(self, passage: Passage, recipient: str, declared: Mapping[str, str]) -> Fields:
        """Header fields for one request of an admitted call; each use is noted on the call."""
        fields: list[tuple[str, str]] = []
        for key, name in declared.items():
            slot = parse_slot(key, remote=True, where=recipient)
            value = self.value(passage, recipient, name)
            fields.append((slot.name, slot.template.replace("{}", value)))
        return tuple(fields)

    def value(self, passage: Passage, recipient: str, name: str) -> str:
        """One value as text for a header of an admitted call; the use is noted on the call."""
        if not isinstance(passage, Passage):
            raise SecretError("No secret is given without an admitted call.", remedy="Pass the Passage.")
        secret = self._secret(recipient, name)
        try:
            text = secret.value.decode("ascii")
        except UnicodeDecodeError:
            text = "\0"
        if not text.isprintable():
            raise SecretError(
                f"The secret {name} holds what no header can carry.",
                remedy="Rotate it to a value of printable ASCII.",
            )
        mention = f"{name}@{secret.version}"
        if mention not in passage.secrets:
            passage.secrets = (*passage.secrets, mention)
        return text

    def _secret(self, recipient: str, name: str) -> Opened:
        now = self._now()
        secret = now.opened.get(name)
        if now.fault or name in now.problems:
            problem = now.fault or now.problems[name]
            raise SecretError(
                f"The secret {name} cannot be used: {problem}.", remedy="See `sallyport secret check`."
            )
        if secret is None:
            raise SecretError(
                f"There is no secret {name}, which {recipient} declares.",
                remedy=f"`sallyport secret set {name}`, then `secret grant {name} --to {recipient}`.",
            )
        if recipient not in secret.recipients:
            raise SecretError(
                f"The secret {name} is not granted to {recipient}.",
                remedy=f"`sallyport secret grant {name} --to {recipient}`.",
            )
        return secret


def _variable(secret: Opened) -> str:
    if b"\0" in secret.value:
        raise SecretError(
            f"The secret {secret.name} holds a zero byte, which no variable can carry.",
            remedy="Declare it as fd:NAME, so that the program reads it from a descriptor.",
        )
    try:
        return secret.value.decode()
    except UnicodeDecodeError:
        raise SecretError(
            f"The secret {secret.name} is not text.",
            remedy="Declare it as fd:NAME, so that the program reads it from a descriptor.",
        ) from None
