"""A person calls, is erased, and nothing in the database tells who they were or what they said."""

import asyncio
from typing import Any

import aiohttp
import psycopg
import pytest

from app.audit.query import Asking, Query
from app.audit.reading import Filter
from app.audit.retention import NewHold
from app.audit.retention.holds import LIFT, SET
from app.audit.subjects.persons import ERASE
from app.core.call import BearerToken, Call, Resource
from app.core.errors import ConflictError, DeniedError, InputError, NotFoundError, RecordUnavailableError
from app.core.ids import new_trace
from app.server.first_run import host_call
from tests.fix_server import Serve, Served
from tests.flows.test_policy_arguments import PROFILE, Desk
from tests.flows.test_retention import verified

NAME = "zebulon"
DISPLAY = "Zebulon Quux"
WORDS = "aardvark-in-the-attic"
POLICY = """\
policy: test
rules:
  - {id: tickets, effect: permit, who: {roles: [developer]}, actions: [tool.call], tools: ["sample/*"]}
"""


class Person:
    """A user with a key, at a running server."""

    def __init__(self, served: Served, desk: Desk, key: str) -> None:
        self.served, self.desk, self.key = served, desk, key

    @property
    def subject(self) -> str:
        (row,) = self.served.select("SELECT subject FROM audit_subjects WHERE name = %s", NAME)
        return str(row["subject"])

    async def erase(self, reason: str = "request 2026-17", **more: Any) -> Any:
        site = self.served.site
        async with site.admission.admit(host_call(ERASE, Resource("user", NAME))) as passage:
            return await site.keeping.erasures.erase(passage, NAME, reason=reason, **more)

    async def hold(self, **wanted: Any) -> str:
        site = self.served.site
        async with site.admission.admit(host_call(SET, Resource("hold", "new"))) as passage:
            return str((await site.keeping.holds.set(passage, NewHold(reason="case 4711", **wanted))).hold)


@pytest.fixture
async def person(serve: Serve, http: aiohttp.ClientSession) -> Person:
    served = await serve(PROFILE, policy=POLICY)
    site = served.site
    call = host_call("admin.user.create", Resource("user", NAME), {"display_name": DISPLAY})
    async with site.admission.admit(call) as passage:
        await site.identity.users.create(passage, name=NAME, display_name=DISPLAY, roles=["developer"])
        passage.note(result={"name": NAME})
    call = host_call("admin.key.create", Resource("key", "new"), {"owner": NAME})
    async with site.admission.admit(call) as passage:
        key = (await site.identity.keys.create(passage, owner=NAME, label=DISPLAY)).token
    await site.identity.refresh()
    return Person(served, Desk(served, http, key), key)


def events(served: Served, action: str = "%") -> list[dict[str, Any]]:
    return served.select(
        "SELECT * FROM audit_events WHERE kind = 'event' AND action LIKE %s ORDER BY id", action
    )


def everything(served: Served) -> str:
    """Every row of every table as text, bytes readable: what somebody with a dump could grep."""
    found: list[str] = []
    for table in served.select(
        "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'"
    ):
        statement = f"COPY (SELECT * FROM {table['name']}) TO STDOUT (FORMAT binary)"
        with psycopg.connect(served.database) as conn, conn.cursor().copy(statement) as copy:  # pyright: ignore[reportArgumentType, reportCallIssue]
            found.append(b"".join(bytes(part) for part in copy).decode("utf-8", "replace"))
    return "\n".join(found)


@pytest.mark.slow
async def test_erased_person_leaves_no_trace_and_every_row_stays(person: Person) -> None:
    served = person.served
    answer = await person.desk.call("lookup_ticket", id=WORDS)
    assert "result" in answer
    await person.desk.call("lookup_ticket", id="x" * 30_000 + WORDS)
    before = served.select("SELECT id, entry FROM audit_events ORDER BY id")
    (line, *_) = await served.site.reading.calls(Filter(actor=NAME, action="tool.call"))
    intent, outcome = await served.site.reading.event(str(line.id))
    assert intent.actor == NAME
    assert outcome.body["result"]
    assert NAME in everything(served)

    with pytest.raises(ConflictError, match="active"):
        await person.erase()
    with pytest.raises(InputError, match="names the person"):
        await person.erase(f"{NAME} asked for it")
    done = await person.erase(also_disable=True)

    text = everything(served)
    for word in (NAME, DISPLAY, WORDS):
        assert word not in text, word
    after = served.select("SELECT id, entry FROM audit_events ORDER BY id")
    assert after[: len(before)] == before
    intent, outcome = await served.site.reading.event(str(line.id))
    assert (intent.actor, intent.body["erased"], "arguments" in intent.body) == ("erased", True, False)
    assert outcome.body.get("result") is None
    assert {row["actor"] for row in served.select("SELECT actor FROM mcp_tool_executions")} == {"erased"}
    assert await served.site.reading.calls(Filter(actor=NAME)) == []
    (digest,) = served.select("SELECT digest FROM audit_contents LIMIT 1")
    with pytest.raises(NotFoundError, match="erased"):
        await served.site.reading.content(digest["digest"])
    (event,) = events(served, "record.subject.erase")
    assert (str(event["id"]), event["resource"]) == (str(done.event), str(done.subject))
    assert event["body"]["reason"] == "request 2026-17"
    assert event["body"]["rows"] == done.rows >= 6
    (statement,) = (served.site.folder / "record" / "statements").read_text().splitlines()
    assert str(done.subject) in statement
    assert NAME not in statement
    report = await verified(served)
    assert (report.verdict, report.faults) == ("intact", [])
    assert any(notice.startswith("shredded: ") for notice in report.notices)


async def test_erased_person_gets_in_no_more_and_their_name_is_nobody(person: Person) -> None:
    await person.desk.call("lookup_ticket", id="T-1")
    await person.erase(also_disable=True)
    answer = await person.desk.call("lookup_ticket", id="T-1")
    assert answer["error"]["data"]["reason"] == "identity_disabled"
    with pytest.raises(NotFoundError, match="no person"):
        await person.served.site.keeping.erasures.plan(NAME)


async def test_outcome_of_a_call_that_ran_during_the_erasure_is_kept_without_its_values(
    person: Person,
) -> None:
    admission = person.served.site.admission
    call = Call(
        door="mcp", action="tool.call", resource=Resource("tool", "sample/slow"), trace=new_trace(),
        credential=BearerToken(person.key), arguments={"id": WORDS},
    )  # fmt: skip
    async with admission.admit(call) as passage:
        subject = person.subject
        await person.erase(also_disable=True)
        passage.note(result={"found": WORDS})
    (row,) = person.served.record("kind = 'outcome' AND call = %s", passage.id)
    assert (row["status"], str(row["subject"])) == ("ok", subject)
    assert "erased" in row["body"]["unrecordable"]
    assert WORDS not in everything(person.served)


async def test_no_row_is_written_under_a_destroyed_key_while_calls_run(person: Person) -> None:
    served = person.served
    going = True

    async def keep_calling() -> int:
        calls = 0
        while going:
            call = Call(
                door="mcp", action="tool.call", resource=Resource("tool", "sample/t"), trace=new_trace(),
                credential=BearerToken(person.key), arguments={"n": calls},
            )  # fmt: skip
            try:
                async with served.site.admission.admit(call) as passage:
                    passage.note(result={"n": calls})
            except (DeniedError, RecordUnavailableError):
                await asyncio.sleep(0)
            calls += 1
        return calls

    async with asyncio.TaskGroup() as group:
        callers = [group.create_task(keep_calling()) for _ in range(8)]
        while len(served.record("action = 'tool.call' AND kind = 'outcome'")) < 50:
            await asyncio.sleep(0.01)
        done = await person.erase(also_disable=True)
        await asyncio.sleep(0.2)
        going = False
    assert all(caller.result() for caller in callers)
    (event,) = events(served, "record.subject.erase")
    late = served.select(
        "SELECT count(*) AS rows FROM audit_events WHERE subject = %s AND body ? 'sealed' AND boot = %s AND seq > %s",
        str(done.subject), event["boot"], event["seq"],
    )  # fmt: skip
    assert late == [{"rows": 0}]
    assert served.select(
        "SELECT count(*) AS people FROM audit_subjects WHERE erased IS NULL AND account <> ''"
    ) == [{"people": 0}]


@pytest.mark.parametrize("wanted", [{"user": NAME}, {"resource": "tool:sample/lookup_ticket"}])
async def test_hold_keeps_a_person_from_being_erased(person: Person, wanted: dict[str, str]) -> None:
    await person.desk.call("lookup_ticket", id="T-1")
    hold = await person.hold(**wanted)
    with pytest.raises(ConflictError, match="hold"):
        await person.erase(also_disable=True)
    assert "result" in await person.desk.call("lookup_ticket", id="T-1")
    site = person.served.site
    async with site.admission.admit(host_call(LIFT, Resource("hold", hold))) as passage:
        await site.keeping.holds.lift(passage, (await site.keeping.holds.list_all())[0].hold)
    await person.erase(also_disable=True)
    actions = [row["action"] for row in events(person.served, "record.%")]
    assert actions == ["record.hold.set", "record.hold.lift", "record.subject.erase"]


async def test_who_came_back_with_a_restored_database_is_erased_again(person: Person) -> None:
    await person.desk.call("lookup_ticket", id=WORDS)
    (kept,) = person.served.select("SELECT * FROM audit_subjects WHERE name = %s", NAME)
    done = await person.erase(also_disable=True)
    with psycopg.connect(person.served.database) as conn:
        conn.execute("ALTER TABLE audit_subjects DISABLE TRIGGER audit_subjects_kept")
        conn.execute(
            "UPDATE audit_subjects SET name = %s, key = %s, erased = NULL, erasure = NULL, stated = NULL, told = false",
            (NAME, kept["key"]),
        )
        conn.execute("ALTER TABLE audit_subjects ENABLE TRIGGER audit_subjects_kept")
    assert await person.served.site.keeping.erasures.repeat() == 1
    await person.served.site.keeping.erasures.finish()
    (row,) = person.served.select("SELECT name, key, told, erasure FROM audit_subjects")
    assert (row["name"], row["key"], row["told"], row["erasure"]) == (None, None, True, done.event)
    assert await person.served.site.keeping.erasures.repeat() == 0


async def test_questions_about_a_person_by_name_find_and_show_their_calls(person: Person) -> None:
    await person.desk.call("lookup_ticket", id=WORDS)
    site = person.served.site
    asking = Asking(site.pool.connection, reveal=site.reading.reveal)
    (line,) = (await asking.page(Query(actor=NAME, action="tool.call"), bodies=True)).lines
    assert (line.actor, line.arguments) == (NAME, {"id": WORDS})
    about = (await asking.page(Query(resource=NAME))).lines
    assert {(line.action, line.resource) for line in about} == {
        ("admin.user.create", NAME),
        ("admin.key.create", "new"),
    }
    await person.erase(also_disable=True)
    assert (await asking.page(Query(actor=NAME))).lines == []
    (line,) = (await asking.page(Query(action="tool.call"), bodies=True)).lines
    assert (line.actor, line.arguments) == ("erased", None)
