"""The console: server-rendered pages in which people watch and understand what this site decides.

View       one page: its name in policy (`page:NAME`), its path, what it reads     (door.py)
Visit      one admitted look at a view: passage, request, query
Sources    the rooms and parts that pages read                                     (sources.py)
SignIn     password, setup link, sign-in link, sign-out                            (signin.py)
Judging    the verdict on a definition of a tool server                            (catalog/)
Changing   secrets set, rotated, granted; values go in and never out               (secrets/)
Step       one call of a trace with its outcome and children                       (trace.py)
browser.py cookies, same-origin proof of forms, safe return paths; render.py templates and their filters
Every page is a call `console.view`; what shows the record is also `audit.read`. Templates are in assets/console.
Entrance: `routes(admission=, sources=)`.
"""

from app.console.routes import routes
from app.console.sources import Finding, ModelLine, ServerLine, Sources, VaultLine

__all__ = ["Finding", "ModelLine", "ServerLine", "Sources", "VaultLine", "routes"]
