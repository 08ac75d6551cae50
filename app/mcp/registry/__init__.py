"""This site as a registry of tool servers, in the shape of the MCP registry API: what a caller may use, and where it is.

Entrance: `registry_routes` (registry.py); listing.py has the shapes.
"""

from app.mcp.registry.registry import registry_routes

__all__ = ["registry_routes"]
