"""Skills of tool servers (io.modelcontextprotocol/skills): passed on when their entries are sound, approved and true.

Skill     one entry, judged by the extension's own rules: pure        (entry.py)
Skills    lists, single entries and files as one caller may have them (carrying.py)
"""

from app.mcp.skills.carrying import Skills

__all__ = ["Skills"]
