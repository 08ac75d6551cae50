"""The admin API: everything an administrator does, as JSON under `/api/v1`, described at `/api/openapi.json`.

Operation   one endpoint as data: path, action, resource, shapes, what it runs   (operation.py)
Door        reads a request, passes `admit`, answers or refuses                  (door.py)
Tables      policies.py, record.py, accounts.py, sessions.py, groups.py, keys.py, status.py, secrets/
Sinks       where the record goes, and the record as it grows                    (sinks/)
OpenAPI     generated from the same table and shapes                             (openapi.py)
Lists come in pages with an opaque cursor                                        (paging.py)
Entrance: `routes(admission=, rooms=)`.
"""

from app.api.routes import Rooms, routes

__all__ = ["Rooms", "routes"]
