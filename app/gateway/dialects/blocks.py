"""Tool uses that come as numbered blocks of a stream: begun, grown, ended, and judged when one is whole."""

import msgspec

from app.gateway.dialects.dialect import Said, Seen, ToolUse, unreadable


class ToolBlocks:
    """The tool uses under way; what becomes whole is told to `said`."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self._open: dict[int, tuple[ToolUse, list[str]]] = {}

    def begin(self, index: int, tool: ToolUse | None) -> Seen:
        """A block begins, of a tool use or of something else."""
        if index in self._open:
            raise unreadable(ValueError("a block begins inside another"))
        if tool is not None:
            self._open[index] = (tool, [])
        return self.now()

    def grow(self, index: int, arguments: str) -> None:
        """More of a tool use's arguments."""
        if index not in self._open:
            raise unreadable(ValueError("a tool use grew outside its block"))
        self._said.characters += len(arguments)
        self._open[index][1].append(arguments)

    def end(self, index: int) -> Seen:
        """A block ends."""
        return Seen.JUDGE if index in self._open else self.now()

    def now(self) -> Seen:
        """What an event means that touches no tool use."""
        return Seen.HOLD if self._open else Seen.FLOW

    def take(self) -> list[ToolUse]:
        """The tool uses not judged yet, whole or not; they are forgotten here."""
        tools = [
            msgspec.structs.replace(tool, arguments="".join(parts)) if parts else tool
            for tool, parts in self._open.values()
        ]
        self._open.clear()
        self._said.tools.extend(tools)
        return tools
