"""What a verification found: faults with their exact place, doubts, and what is worth knowing."""

from typing import Any, Literal

import msgspec

Verdict = Literal["intact", "tampered", "cannot tell"]
EXIT = {"intact": 0, "tampered": 1, "cannot tell": 2}
_SHOWN = 1000


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is not as it was written; empty members say nothing, leaf and seq -1 neither."""

    what: str
    leaf: int = -1
    id: str = ""
    node: str = ""
    boot: str = ""
    seq: int = -1
    file: str = ""

    @property
    def where(self) -> str:
        """The place in words."""
        named = {name: getattr(self, name) for name in ("leaf", "id", "node", "boot", "seq", "file")}
        return ", ".join(f"{name} {value}" for name, value in named.items() if value not in ("", -1))


class Report:
    """Collects while the verification runs; the first thousand faults are kept, all are counted."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.count = 0
        self.doubts: list[str] = []
        self.notices: list[str] = []
        self.checked: dict[str, Any] = {}

    def fault(self, what: str, **where: Any) -> None:
        """Something was changed."""
        self.count += 1
        if len(self.faults) < _SHOWN:
            self.faults.append(Fault(what=what, **where))

    @property
    def verdict(self) -> Verdict:
        """What it comes to."""
        if self.count:
            return "tampered"
        return "cannot tell" if self.doubts else "intact"

    def outline(self) -> dict[str, Any]:
        """The whole report for scripts."""
        return {
            "verdict": self.verdict,
            "checked": self.checked,
            "count": self.count,
            "faults": self.faults,
            "doubts": self.doubts,
            "notices": self.notices,
        }

    def text(self) -> str:
        """The whole report in words."""
        lines = [self.verdict.upper()]
        lines += [f"  checked {name}: {value}" for name, value in self.checked.items()]
        lines += [
            f"  FAULT {fault.what}" + (f" ({fault.where})" if fault.where else "") for fault in self.faults
        ]
        if self.count > len(self.faults):
            lines.append(f"  and {self.count - len(self.faults)} faults more")
        lines += [f"  cannot tell: {doubt}" for doubt in self.doubts]
        lines += [f"  note: {notice}" for notice in self.notices]
        return "\n".join(lines)
