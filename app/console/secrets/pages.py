"""What is known of secrets without their values: the list, and one page for each with its history and forms."""

from typing import Any

from app.console.door import View, Visit
from app.console.sources import Sources
from app.secrets.records import StoredSecret

ROOT = "/console/secrets"


def views(sources: Sources) -> list[View]:
    """`/console/secrets` and one page a secret."""

    async def overview(visit: Visit) -> dict[str, Any]:
        return {"secrets": await sources.secrets.list_all(), "vaults": sources.vaults()}

    async def one(visit: Visit) -> dict[str, Any]:
        shown = await sources.secrets.show(visit.params["name"])
        history = await sources.secrets.history(shown.name)
        led = [line for line in sources.vaults() if shown.name in line.secrets]
        return {"shown": shown, "history": history, "wanting": _wanting(shown), "led": led}

    return [
        View(name="secrets", path=ROOT, read=overview),
        View(name="secret", path=f"{ROOT}/{{name}}", read=one),
    ]


def _wanting(shown: StoredSecret) -> list[str]:
    """Whoever declares it in the profile and was not granted it."""
    return [name for name in shown.used_by if name not in shown.recipients]
