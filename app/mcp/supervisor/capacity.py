"""How many programs may run at once, and how much memory they may have together."""


class Capacity:
    """Places are taken before a start and given back after the end."""

    def __init__(self, *, programs: int = 64, memory_mb: int = 0) -> None:
        self.allow(programs=programs, memory_mb=memory_mb)
        self._taken: dict[str, int] = {}

    def allow(self, *, programs: int, memory_mb: int) -> None:
        """From now on; nothing that runs is ended for it, but for memory."""
        self.programs = programs
        self.memory_bytes = memory_mb * 1024 * 1024

    @property
    def full(self) -> bool:
        """Whether there is no place left."""
        return len(self._taken) >= self.programs

    def take(self, name: str) -> str:
        """Empty when there is a place, else why there is none."""
        if len(self._taken) >= self.programs:
            return f"mcp.programs lets {self.programs} programs run at once"
        if self.memory_bytes and self.used >= self.memory_bytes:
            return "mcp.memory_mb is used up by the programs that run"
        self._taken[name] = 0
        return ""

    def weigh(self, name: str, memory_bytes: int) -> str:
        """Note what a program has; why it must end if all have too much and nobody has more than it."""
        if name not in self._taken:
            return ""
        self._taken[name] = memory_bytes
        if self.memory_bytes and self.used > self.memory_bytes and memory_bytes >= max(self._taken.values()):
            return "all programs together have more memory than mcp.memory_mb, and this one most of it"
        return ""

    def give_back(self, name: str) -> None:
        """The program ended."""
        self._taken.pop(name, None)

    @property
    def used(self) -> int:
        """Bytes of all of them."""
        return sum(self._taken.values())
