"""The relay of requests that nobody follows."""

import msgspec

from app.mcp.upstream.ports import Respond


class Silent:
    """Takes nothing and can be asked nothing."""

    def __init__(self) -> None:
        self.session = None

    async def notify(self, message: bytes) -> None:
        """Nobody listens."""

    async def ask(self, method: str, params: msgspec.Raw | None, respond: Respond) -> bool:
        """Nobody can be asked."""
        return False
