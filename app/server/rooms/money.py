"""Prices that follow the newest bundle, budgets that follow the record, and events about both."""

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from app.audit.event import Event
from app.audit.reading import first_id
from app.audit.spending import Money
from app.config import Profile
from app.core.errors import ConfigError
from app.core.ids import new_trace, uuid7_text
from app.core.paths import resources
from app.core.usage import Amounts
from app.gateway.book import price_names
from app.gateway.models import Models
from app.gateway.money import Gap, PriceTable, gaps, read_prices, today
from app.identity.budgets import Alert
from app.release.bundles import folder_of, newest
from app.server.checks import Finding
from app.server.site import Site

_log = logging.getLogger(__name__)


UNDISPATCHED = timedelta(minutes=10)
"""After so long without an intent in the record a call has not been made, and never will be."""


def shipped_table() -> Path:
    """The table that travels in the file."""
    return resources() / "assets" / "prices.yaml"


def table_in_force(folder: Path) -> PriceTable:
    """The table of the newest bundle that can be used, else the one in the file."""
    bundle = newest(folder, "prices")
    if bundle is not None:
        try:
            return read_prices(bundle / "prices.yaml")
        except ConfigError as error:
            _log.error("the price table of %s is passed over: %s", bundle, error)
    return read_prices(shipped_table())


def price_findings(profile: Profile, table: PriceTable, now: datetime) -> list[Finding]:
    """Whether each model of a profile has a price, and until when."""
    wanted = price_names(profile)
    day = today(now)
    found = [_finding(gap, table, day) for gap in gaps(table, wanted, day)]
    return found or [
        Finding(
            check="prices",
            state="ok",
            found=f"table {table.version} prices {len(wanted)} of {len(wanted)} models",
        )
    ]


def _finding(gap: Gap, table: PriceTable, day: date) -> Finding:
    """One line about one model."""
    remedy = f"Take in a newer table, or set {gap.model}.price."
    if gap.ends is not None and gap.ends > day:
        text = f"{gap.model}: table {table.version} has no price of {gap.entry!r} from {gap.ends} on"
        return Finding(check="prices", state="warn", found=text, remedy=remedy)
    why = f"no entry {gap.entry!r}" if gap.ends is None else f"no price of {gap.entry!r} that is valid today"
    text = f"{gap.model}: table {table.version} has {why}"
    return Finding(check="prices", state="fail", found=text, remedy=remedy)


class Pricing:
    """The table by which this node prices calls. `step` takes up a newer one, and the next period of this one."""

    def __init__(self, site: Site, table: PriceTable) -> None:
        self._site = site
        self.table = table
        self._seen = (_bundles(site.folder), today(site.clock.now()))
        self._models: Models | None = None

    def price(self, models: Models) -> None:
        """These models are priced from now on."""
        self._models = models
        for finding in price_findings(self._site.profile, self.table, self._site.clock.now()):
            if finding.state != "ok":
                _log.warning("%s", finding.found)

    async def step(self) -> None:
        """A running call keeps the price that it was admitted with."""
        site, models = self._site, self._models
        now = (_bundles(site.folder), today(site.clock.now()))
        if models is None or now == self._seen:
            return
        table, day = table_in_force(site.folder), now[1]
        missing = _unpriced(table, models, day)
        if missing and table.version != self.table.version:
            _log.error(
                "the price table %s prices no %s; %s holds on", table.version, missing, self.table.version
            )
            tell(
                site,
                "prices.refuse",
                "prices",
                table.version,
                {"models": missing, "holds": self.table.version},
                ok=False,
            )
            table = self.table
        unpriced, before, self._seen = models.reprice(table, day), self.table.version, now
        self.table = table
        if unpriced:
            _log.error("no price of %s is valid today; the last one holds on", unpriced)
            tell(site, "prices.expire", "prices", table.version, {"models": unpriced}, ok=False)
        if table.version != before:
            _log.info("calls are priced by table %s now, by %s before", table.version, before)
            tell(site, "prices.change", "prices", table.version, {"before": before})


async def alerts(site: Site) -> None:
    """Say in the record and the log which limits of budgets were reached."""

    async def write(alert: Alert) -> None:
        body: dict[str, Any] = {
            "threshold": alert.threshold,
            "amount": alert.amount,
            "unit": alert.unit,
            "since": alert.starts.isoformat(),
            "limit": "hard" if alert.threshold == alert.hard else "soft",
        }
        if alert.holder:
            body["holder"] = alert.holder
        _log.warning("budget %s: %s of %s %s", alert.budget, alert.amount, alert.threshold, alert.unit)
        await site.recorder.write(_event(site, "budget.alert", "budget", alert.budget, body, ok=True))

    await site.identity.budgets.tell(write)


async def reconcile(site: Site) -> None:
    """Settle budgets by what the record says, where the node that made the call could not."""
    money = Money(site.pool)

    async def outcomes(calls: Sequence[UUID]) -> Mapping[UUID, Amounts]:
        # Held back by a node that died before the intent: a call without one is never dispatched.
        before = first_id(site.clock.now() - UNDISPATCHED)
        never = {call: Amounts() for call in await money.unknown(calls) if call < before}
        return never | {
            one.call: Amounts(microdollars=one.microdollars, tokens=one.tokens, requests=1)
            for one in await money.ended(calls)
            if not one.lost
        }

    await site.identity.budgets.reconcile(outcomes)


def tell(site: Site, action: str, kind: str, resource: str, body: dict[str, Any], *, ok: bool = True) -> None:
    """An event into the record."""
    site.recorder.post(_event(site, action, kind, resource, body, ok=ok))


def _event(site: Site, action: str, kind: str, resource: str, body: dict[str, Any], *, ok: bool) -> Event:
    now, trace = site.clock.now(), new_trace()
    identifier = uuid7_text(now_us=int(now.timestamp() * 1_000_000))
    return Event(
        id=identifier,
        call=identifier,
        time=now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        kind="event",
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        door="server",
        action=action,
        resource_kind=kind,
        resource=resource,
        actor="sallyport",
        actor_kind="system",
        status="ok" if ok else "error",
        body=body,
    )


def _bundles(folder: Path) -> tuple[str, ...]:
    """Which price bundles are there: a look at a folder, their signatures were verified when they came."""
    kind = folder_of(folder) / "prices"
    return tuple(sorted(path.name for path in kind.iterdir())) if kind.is_dir() else ()


def _unpriced(table: PriceTable, models: Models, day: date) -> list[str]:
    wanted = [(target.model, target.price_name) for target in models]
    return [gap.model for gap in gaps(table, wanted, day, within=0)]
