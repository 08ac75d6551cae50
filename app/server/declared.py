"""The profile's tool servers as they hold at this moment."""

from app.config.tools import Mcp


class Declared:
    """`mcp` is the profile's section at the start, and then what each reload made of it."""

    def __init__(self, mcp: Mcp) -> None:
        self.mcp = mcp
