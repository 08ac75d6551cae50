"""`admit`: authenticate, decide, commit the intent; commit the outcome, whatever happens in between."""

import asyncio
import logging
from types import TracebackType
from uuid import UUID

from app.admission.metrics import CallMetrics
from app.admission.ports import Authenticates, Budgets, Decides, Records
from app.admission.recording import Recording
from app.audit.subjects import NOBODY
from app.core import crash, verdict
from app.core.call import Call
from app.core.clock import Clock
from app.core.errors import DeniedError, RecordUnavailableError
from app.core.ids import uuid7
from app.core.passage import Passage
from app.core.principal import Principal
from app.core.verdict import Decision

log = logging.getLogger(__name__)

_WHY_ANONYMOUS = {
    verdict.NO_CREDENTIAL: "No credential was presented; send an API key or sign in.",
    verdict.BAD_CREDENTIAL: "The credential is not valid here.",
    verdict.EXPIRED_CREDENTIAL: "The credential has expired; ask for a new one.",
    verdict.DISABLED: "The credential or its owner is disabled.",
    verdict.TOO_MANY: "Too many failed attempts; wait before trying again.",
}


class Admission:
    """The corridor, wired once by the server; every door holds this one."""

    def __init__(
        self,
        *,
        identity: Authenticates,
        policy: Decides,
        budgets: Budgets,
        records: Records,
        recording: Recording,
        clock: Clock,
        metrics: CallMetrics,
    ) -> None:
        self.identity = identity
        self.policy = policy
        self.budgets = budgets
        self.records = records
        self.recording = recording
        self.clock = clock
        self.metrics = metrics

    def admit(self, call: Call) -> "_Admitted":
        """The block of one governed call."""
        return _Admitted(self, call)

    async def decide(self, call: Call) -> tuple[Principal, Decision]:
        """Who asks and whether they may; whatever fails in here is a denial."""
        principal = await self.identity.authenticate(call.credential, address=call.address)
        if principal.failure:
            message = _WHY_ANONYMOUS.get(principal.failure, "The credential was refused.")
            return principal, Decision(effect="forbid", reason=principal.failure, message=message)
        try:
            decision = self.policy.decide(principal, call.action, call.resource, arguments=call.arguments)
        except Exception:
            log.exception("the policy failed on %s %s; the call is denied", call.action, call.resource)
            decision = Decision(
                effect="forbid", reason="policy_failed", message="The policy could not be evaluated."
            )
        if principal.anonymous and decision.reason == verdict.DEFAULT_DENY:
            message = _WHY_ANONYMOUS[verdict.NO_CREDENTIAL]
            decision = Decision(
                effect="forbid",
                reason=verdict.NO_CREDENTIAL,
                message=message,
                policy_hash=decision.policy_hash,
            )
        return principal, decision

    async def settle(self, passage: Passage) -> None:
        """Commit the outcome once; the door may do so before its last byte."""
        if passage.settled:
            return
        passage.settled = True
        if __debug__:
            crash.at("corridor.before_outcome")
        self.metrics.finished(passage, self.clock.monotonic() - passage.started)
        event, contents = self.recording.outcome(
            passage, now=self.clock.now(), latency_us=self._elapsed_us(passage)
        )
        if passage.principal.budgeted:
            try:
                await self.settle_budget(passage.id, passage.principal, passage.microdollars)
            except BaseException:
                # Cancelled here: the outcome is written all the same.
                self.records.post(event, contents)
                raise
        if passage.status == "cancelled":
            # Nobody is there to wait, and this task may be cancelled again at any await.
            self.records.post(event, contents)
        else:
            await self.records.write(event, contents)
        if __debug__:
            crash.at("corridor.after_outcome")

    async def settle_budget(self, passage_id: UUID, principal: Principal, microdollars: int) -> None:
        """Replace a reservation by what was spent; a failure is logged, never the call's."""
        try:
            await asyncio.shield(self.budgets.settle(passage_id, principal, microdollars))
        except Exception:
            log.exception("a budget was not settled; its reservation stays until recovery")

    def _elapsed_us(self, passage: Passage) -> int:
        return int((self.clock.monotonic() - passage.started) * 1_000_000)


class _Admitted:
    """One `async with`; a class and not a generator because every call pays for it."""

    __slots__ = ("_admission", "_call", "_owners", "_passage")

    def __init__(self, admission: Admission, call: Call) -> None:
        self._admission = admission
        self._call = call
        self._owners = NOBODY
        self._passage: Passage | None = None

    async def __aenter__(self) -> Passage:
        admission, call = self._admission, self._call
        started = admission.clock.monotonic()
        admission.records.require()
        principal, decision = await admission.decide(call)
        decided = admission.clock.monotonic()
        if __debug__:
            crash.at("corridor.before_intent")
        if decision.permitted and principal.budgeted:
            passage_id = await self._commit_budgeted(principal, decision)
        else:
            passage_id = await self._commit(principal, decision)
        if __debug__:
            crash.at("corridor.after_intent")
        passage = self._passage = Passage(
            id=passage_id,
            call=call,
            principal=principal,
            decision=decision,
            started=started,
            owners=self._owners,
            gates=(admission.settle, admission.policy.may),
        )
        passage.timings["decide"] = decided - started
        passage.timings["record"] = admission.clock.monotonic() - decided
        return passage

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        passage = self._passage
        if passage is None or passage.settled:
            return
        if error is not None:
            _note_failure(passage, error)
        try:
            await self._admission.settle(passage)
        except RecordUnavailableError:
            if error is None:
                raise
            log.warning("the outcome of a failed call is kept until the database is back")

    async def _commit(self, principal: Principal, decision: Decision, *, row_id: UUID | None = None) -> UUID:
        """Write the decision down; DeniedError once a denial is committed."""
        admission, call = self._admission, self._call
        recording = admission.recording
        self._owners = recording.known_owners(principal, call) or await recording.find_owners(principal, call)
        event, contents = recording.decided(
            call, principal, decision, owners=self._owners, now=admission.clock.now(), row_id=row_id
        )
        admission.metrics.decided(call, decision)
        await admission.records.write(event, contents)
        if not decision.permitted:
            raise DeniedError(decision, trace_id=call.trace.trace_id, anonymous=principal.anonymous)
        return UUID(event.id)

    async def _commit_budgeted(self, principal: Principal, decision: Decision) -> UUID:
        """Hold back the estimate before the intent; give it back if the intent is not committed."""
        admission = self._admission
        row_id = uuid7(now_us=int(admission.clock.now().timestamp() * 1_000_000))
        try:
            if not await admission.budgets.reserve(row_id, principal, self._call.reserve):
                return await self._commit(principal, _over_budget(decision), row_id=row_id)
            if __debug__:
                crash.at("corridor.after_reserve")
            return await self._commit(principal, decision, row_id=row_id)
        except BaseException:
            await admission.settle_budget(row_id, principal, 0)
            raise


def _over_budget(decision: Decision) -> Decision:
    return Decision(
        effect="forbid",
        reason=verdict.OVER_BUDGET,
        message="The budget of this key does not cover the call in the current window.",
        policy_hash=decision.policy_hash,
        rule_ids=decision.rule_ids,
        record=decision.record,
        labels=decision.labels,
    )


def _note_failure(passage: Passage, error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        passage.note(status="cancelled", error=passage.error or "The caller went away.")
    elif passage.status == "ok":
        passage.note(status="error", error=passage.error or f"{type(error).__name__}: {error}")
