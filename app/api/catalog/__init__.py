"""`/api/v1/definitions`: what tool servers offer, what waits for a person, and the judgments.

Entrance: `operations`.
"""

from app.api.catalog.definitions import operations

__all__ = ["operations"]
