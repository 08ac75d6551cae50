"""Instructions that a description has no business giving: sequences of words with small gaps.

Each pattern is words in order: `a|b` is a choice, `~3` lets up to three other words stand between.
"""

from collections.abc import Iterator

import msgspec

from app.catalog.scan.words import Folded, Grade, Smell

_NOT = "not|never|dont|doesnt|without|avoid|no|cannot|mustnt|shouldnt"
_OLD = "previous|prior|above|earlier|preceding|existing|system|safety|original|initial"
_RULES = "instruction|instructions|rule|rules|prompt|prompts|guideline|guidelines|directives|constraints|policy|policies"
_PERSON = "user|users|human|humans|person|operator|customer"
_SECRETS = "credential|credentials|password|passwords|secret|secrets|conversation|conversations|transcript"
_TELL = "tell|telling|mention|mentioning|inform|informing|notify|notifying|alert|disclose|disclosing"
_MUST = "must|should|need|needs|may|will|does"
_USE = "using|calling|invoking|running|use|call"
_SEND = "send|forward|upload|post|transmit|exfiltrate|leak|email|copy|pass|include|append"
_STEALTH = "secretly|covertly|silently|quietly|discreetly"
_PATTERNS: tuple[Smell, ...] = (
    ("override", "alarm", f"ignore|disregard|forget|override|bypass|supersede ~3 {_OLD} ~2 {_RULES}"),
    ("override", "alarm", f"ignore|disregard|forget|bypass ~1 all|any|your ~1 {_RULES}"),
    ("override", "warn", "regardless|matter ~2 what ~1 user|users ~1 say|says|ask|asks|want|wants|instructs"),
    (
        "override",
        "alarm",
        f"ignore|disregard|forget ~2 everything|anything|all ~3 {_OLD}|before|said|told|learned",
    ),
    ("role", "warn", "you are now ~1 a|an|in|the"),
    ("role", "warn", "new|updated|real ~1 system ~1 prompt|instruction|instructions"),
    ("secrecy", "alarm", f"{_NOT} ~2 {_TELL} ~3 {_PERSON}"),
    (
        "secrecy",
        "alarm",
        f"{_NOT} ~1 mention|reveal|disclose ~1 this|that|these ~1 instruction|instructions|to|step|rule",
    ),
    ("secrecy", "warn", f"{_NOT} ~1 show|reveal|display|explain ~2 to ~1 {_PERSON}"),
    ("secrecy", "alarm", f"{_PERSON} ~2 {_MUST} ~1 not|never ~2 know|see|notice|learn|realize"),
    ("secrecy", "alarm", f"without ~2 {_PERSON} ~1 knowledge|knowing|consent|awareness|noticing|seeing"),
    ("secrecy", "warn", f"without ~1 asking|telling|informing|prompting|notifying ~1 {_PERSON}"),
    ("secrecy", "warn", f"{_STEALTH} ~3 {_SEND}|read|call|insert|collect|run|execute|invoke"),
    ("exfiltration", "alarm", f"{_SEND} ~6 {_SECRETS} ~6 to|at|via|in|as|into"),
    (
        "exfiltration",
        "alarm",
        f"{_SEND}|put|provide ~4 content|contents ~6 sidenote|parameter|argument|field|note",
    ),
    ("exfiltration", "alarm", "sidenote"),
    ("exfiltration", "warn", f"{_SEND} ~4 environment ~1 variables|variable"),
    ("exfiltration", "warn", f"{_SEND} ~4 chat|message|messages|session ~1 history|log ~5 to|at|in|as"),
    (
        "redirection",
        "warn",
        "change|replace|set|rewrite|modify|swap ~3 recipient|destination|payee|iban ~5 to|with",
    ),
    ("redirection", "warn", "bcc|cc ~5 every|all|each ~2 email|emails|mail|message|messages"),
    ("precondition", "alarm", f"before|when|whenever ~1 {_USE} ~3 read|open|load|fetch|send ~6 {_SECRETS}"),
    (
        "precondition",
        "note",
        "must|always ~2 call|use|invoke|run ~2 this ~1 tool|function ~3 before|first|every|instead",
    ),
)
_MARKS: tuple[tuple[str, Grade], ...] = (
    ("<important>", "alarm"), ("</important>", "alarm"), ("<system>", "alarm"), ("</system>", "alarm"),
    ("<|im_start|>", "alarm"), ("<|im_end|>", "alarm"), ("<|system|>", "alarm"), ("<|endoftext|>", "alarm"),
    ("[inst]", "alarm"), ("[/inst]", "alarm"), ("<<sys>>", "alarm"), ("\n\nhuman:", "alarm"), ("\n\nassistant:", "alarm"),
    ("<instructions>", "warn"), ("<secret>", "warn"), ("<hidden>", "warn"), ("system prompt", "note"),
    ("### system", "warn"), ("### instruction", "warn"), ("[system]", "warn"),
)  # fmt: skip
_PLACES = (
    "~/.ssh", ".ssh/", "id_rsa", "id_ed25519", "authorized_keys", ".aws/credentials", "/etc/shadow", "/etc/passwd",
    ".netrc", ".kube/config", ".docker/config.json", ".git-credentials", ".gnupg", ".bash_history", "mcp.json",
    "claude_desktop_config", "/proc/self/environ", ".env file", "~/.env", ".npmrc", ".config/gcloud",
)  # fmt: skip
_ACTS = frozenset(
    (
        "read",
        "open",
        "cat",
        "load",
        "access",
        "fetch",
        "retrieve",
        "send",
        "upload",
        "include",
        "pass",
        "copy",
    )
)


class _Step(msgspec.Struct, frozen=True):
    """One place of a pattern: the words that fit, and how many others may come before it."""

    words: frozenset[str]
    gap: int


def _compiled(pattern: str) -> tuple[_Step, ...]:
    steps: list[_Step] = []
    gap = 0
    for part in pattern.split():
        if part.startswith("~"):
            gap = int(part[1:])
        else:
            steps.append(_Step(frozenset(part.split("|")), gap))
            gap = 0
    return tuple(steps)


_COMPILED: tuple[tuple[str, Grade, tuple[_Step, ...]], ...] = tuple(
    (code, grade, _compiled(pattern)) for code, grade, pattern in _PATTERNS
)
_BY_FIRST: dict[str, list[tuple[str, Grade, tuple[_Step, ...]]]] = {}
for _entry in _COMPILED:
    for _word in _entry[2][0].words:
        _BY_FIRST.setdefault(_word, []).append(_entry)


def found(folded: Folded) -> Iterator[Smell]:
    """Code, grade and words of each instruction, mark of a prompt format, and place of secrets."""
    told: set[tuple[str, Grade]] = set()
    for start, word in enumerate(folded.words):
        for code, grade, steps in _BY_FIRST.get(word, ()):
            end = _end(folded.words, start, steps)
            if end and (code, grade) not in told:
                told.add((code, grade))
                yield code, grade, " ".join(folded.words[max(0, start - 2) : end + 3])
    marks = [pair for pair in _MARKS if pair[0] in folded.text]
    if marks:
        worst = next((pair for pair in marks if pair[1] == "alarm"), marks[0])
        yield "prompt_mark", worst[1], worst[0].strip()
    places = [at for place in _PLACES if (at := folded.text.find(place)) >= 0]
    if places:
        at = min(places)
        acts = not _ACTS.isdisjoint(folded.words)
        yield "secret_place", "alarm" if acts else "warn", folded.text[max(0, at - 60) : at + 60]


def _end(words: tuple[str, ...], start: int, steps: tuple[_Step, ...]) -> int:
    """Where a pattern that begins at `start` ends, 0 where it does not fit. Positions stay within the gaps' sum."""
    places = {start}
    for step in steps[1:]:
        places = {
            at
            for place in places
            for at in range(place + 1, min(place + 2 + step.gap, len(words)))
            if words[at] in step.words
        }
        if not places:
            return 0
    return min(places) + 1
