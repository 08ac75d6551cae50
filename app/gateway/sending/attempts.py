"""Which place next: each in its turn, again where that is safe, until one has begun to answer."""

import asyncio

from app.core.errors import InputError, SallyportError, UpstreamError
from app.egress.http import Reply
from app.extensions import Answered, Response
from app.gateway.book import Target
from app.gateway.dialects import Said
from app.gateway.outgoing import Outgoing, outgoing
from app.gateway.routing import Next, Place, after, closed_for, pause
from app.gateway.routing.rates import LONGEST
from app.gateway.routing.retry import SHORT
from app.gateway.sending.bill import Bill
from app.gateway.sending.counting import estimate
from app.gateway.sending.exchange import Exchange
from app.gateway.sending.failed import AnsweredError, ended, in_words
from app.gateway.sending.planning import planned
from app.gateway.sending.trail import Trail
from app.gateway.sending.way import Way

_LIMITED = frozenset((429, 503, 529))
_WITHOUT_LABEL = (
    "No provider of this model may get this call: it may only go to {labels}.",
    "Use a model that is served there.",
)


class Attempts:
    """The attempts of one call."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._clock = way.admission.clock
        self._bill = Bill(way.passage)
        self._plan = planned(way)
        self._trail = Trail(way.passage, self._plan, told=way.found.only is not None)
        self._deadline = self._clock.monotonic() + way.found.settings.patience
        self._over = False
        self._answered: AnsweredError | None = None
        self._failed: UpstreamError | None = None
        self._unfit: InputError | None = None
        self._busy: UpstreamError | None = None

    async def run(self) -> Answered:
        """The answer of the first place that begins one, else the last error of a provider."""
        way, plan = self._way, self._plan
        turns, wait = way.found.turns, way.found.settings.wait
        if not await turns.take(wait):
            raise UpstreamError(
                f"So many calls of {way.ask.model} are under way that this one finds no turn.",
                kind="busy",
                status=429,
                retry_after=max(1.0, wait),
            )
        try:
            for place, why in plan.passed:
                self._trail.passed(self._target(place), why)
            places = [place for place in plan.places if self._can(place)]
            if plan.places and not places:
                return estimate(way.passage, way.ask)
            for number, place in enumerate(places):
                answer = await self._at(place, last=number == len(places) - 1)
                if answer is not None:
                    return answer
                if self._over or self._clock.monotonic() >= self._deadline:
                    break
            return self._given_up()
        finally:
            turns.give()

    async def _at(self, place: Place, *, last: bool) -> Answered | None:
        """The answer of this place, or None when the next may be tried."""
        target = self._target(place)
        try:
            sent = self._sent(target)
        except InputError as error:
            self._unfit = self._unfit or error
            self._trail.passed(target, str(error))
            return None
        tries = 0
        while await self._enter(target, last=last):
            self._trail.came_to(target)
            try:
                return await self._once(target, sent)
            except UpstreamError as error:
                wait = self._after(error, target, tries, last=last)
            if wait is None:
                return None
            tries += 1
            await asyncio.sleep(wait)
        return None

    async def _enter(self, target: Target, *, last: bool) -> bool:
        """Wait until the target may be called, not long; else it is passed over."""
        now = self._clock.monotonic()
        away, why = target.standing.away_for(now)
        if away and last and away <= SHORT and now + away < self._deadline:
            await asyncio.sleep(away)
            away, why = target.standing.away_for(self._clock.monotonic())
        if away:
            status = 429 if "left" in why else 503
            return self._pass(target, why, status=status, retry_after=away)
        if not await target.turns.take(target.wait if last else 0.0):
            why = "all of its turns are taken"
            return self._pass(target, why, status=503, retry_after=max(1.0, target.wait))
        if not target.standing.enter(self._clock.monotonic()):
            target.turns.give()
            return self._pass(target, "its circuit is open", status=503, retry_after=1.0)
        return True

    def _pass(self, target: Target, why: str, *, status: int, retry_after: float) -> bool:
        self._trail.passed(target, why)
        self._busy = UpstreamError(
            f"The provider of {self._way.ask.model} is not called now: {why}.",
            kind="busy",
            status=status,
            retry_after=max(1.0, retry_after),
        )
        return False

    async def _once(self, target: Target, sent: Outgoing) -> Answered:
        """One attempt; whatever becomes of it, the target's standing hears of it."""
        started, standing = self._clock.monotonic(), target.standing
        exchange = Exchange(self._way, target, sent, bill=self._bill, heard=lambda r: self._heard(target, r))
        blamed: str | None = None
        well = False
        try:
            response = await _in_time(exchange, target)
            passage = self._way.passage
            blamed = passage.error if passage.status == "error" else None
            well = passage.status == "ok"
            return response
        except UpstreamError as error:
            how = ended(error, now=self._clock.now())
            blamed = str(error) if how.blames_provider else None
            well = bool(how.status) and blamed is None and how.status not in _LIMITED
            self._trail.tried(target, in_words(error), seconds=self._clock.monotonic() - started)
            raise
        except asyncio.CancelledError:
            if not self._way.passage.settled and self._bill.open:
                exchange.spend(Said().spent(len(self._way.ask.body)))
            raise
        finally:
            target.turns.give()
            now = self._clock.monotonic()
            if blamed is not None:
                standing.ill(now, blamed)
            elif well:
                standing.well(now)
            else:
                standing.left(now)

    def _after(self, error: UpstreamError, target: Target, tries: int, *, last: bool) -> float | None:
        """Seconds until the same place is tried again, or None."""
        self._bill.close()
        self._failed = error
        if isinstance(error, AnsweredError) and error.answer is not None:
            self._answered = error
        how = ended(error, now=self._clock.now())
        now = self._clock.monotonic()
        if how.status in _LIMITED and how.wait:
            target.standing.limit(now + min(LONGEST, how.wait))
        what = after(how)
        self._over = what is Next.END
        if what is not Next.AGAIN or tries >= self._way.found.settings.retries:
            return None
        wait = pause(tries + 1, chance=self._way.draw(), told=how.wait)
        if now + wait >= self._deadline or (wait > SHORT and not last):
            return None
        return wait

    def _heard(self, target: Target, reply: Reply) -> None:
        """What the provider says about its limits, with every answer."""
        closed = closed_for(reply.headers, now=self._clock.now)
        if closed:
            target.standing.limit(self._clock.monotonic() + closed)

    def _given_up(self) -> Answered:
        """The last error of a provider, byte for byte; else the last failure; else why none was tried."""
        if self._answered is not None and self._answered.answer is not None:
            self._way.passage.note(status="error", error=self._answered.message)
            answer = self._answered.answer
            return Response(status=answer.status, body=answer.body, headers=answer.headers)
        error: SallyportError | None = self._failed or self._unfit or self._busy
        if error is None:
            labels = ", ".join(sorted(self._plan.demanded)) or "nobody"
            error = InputError(
                _WITHOUT_LABEL[0].format(labels=labels), remedy=_WITHOUT_LABEL[1], code="no_place_allowed"
            )
        if not isinstance(error, UpstreamError):
            self._way.passage.note(status="refused", error=str(error))
        raise error

    def _can(self, place: Place) -> bool:
        """Tokens are counted only where the provider has this very question."""
        operation = self._way.operation
        return not operation.free or operation.dialect in self._target(place).dialects

    def _target(self, place: Place) -> Target:
        return self._way.book.targets[place.index].named(self._way.ask.model)

    def _sent(self, target: Target) -> Outgoing:
        way = self._way
        if not self._plan.demanded.issubset(
            target.labels
        ):  # no plan holds such a place; if one did, it ends here
            raise InputError(
                f"{target.provider} lacks a label that this call demands.", code="no_place_allowed"
            )
        if way.prepared is not None:
            return way.prepared
        return outgoing(
            way.request,
            way.ask,
            client=way.operation.dialect,
            provider=target.dialect(way.operation.dialect),
            path=way.operation.path,
            model=target.upstream_model,
        )


async def _in_time(exchange: Exchange, target: Target) -> Answered:
    """UpstreamError when the answer has not begun in the target's time."""
    if not target.timeout:
        return await exchange.run(_begun)
    try:
        async with asyncio.timeout(target.timeout) as clock:
            return await exchange.run(lambda: clock.reschedule(None))
    except TimeoutError:
        raise UpstreamError(
            f"{target.provider} did not begin to answer in {target.timeout:g} seconds.",
            kind="timeout",
            status=504,
        ) from None


def _begun() -> None:
    """Nothing waits for it."""
