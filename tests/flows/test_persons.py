"""Whose values stand where: sealed for persons, in clear for everybody else, and never a stranger's word."""

import asyncio
from pathlib import Path

import msgspec
import psycopg
import pytest

from app.audit.reading import Filter
from app.config import load
from app.config.secret import Secret
from app.core.call import Resource
from app.core.errors import ConfigError
from app.server.first_run import host_call
from app.server.site import open_site
from tests.fix_api import Api
from tests.fix_server import Serve, until


async def test_rows_of_persons_hold_no_names_and_rows_of_services_do(api: Api) -> None:
    await api.ask("GET", "/api/v1/users/dora", who="ada")
    (row,) = api.served.select(
        "SELECT * FROM audit_events WHERE door = 'api' AND kind = 'intent' AND action = 'admin.user.show'"
    )
    assert (row["actor"], row["address"], row["resource"]) == (None, None, None)
    assert set(row["body"]) == {"sealed", "sealed_resource"}
    assert b"dora" not in row["entry"]
    assert b'"ada"' not in row["entry"]
    (event, _) = await api.served.site.reading.event(str(row["id"]))
    assert (event.actor, event.resource, event.body["arguments"]) == ("ada", "dora", {"name": "dora"})
    assert event.address == "127.0.0.1"


async def test_what_strangers_type_makes_no_person(api: Api) -> None:
    await api.ask("GET", "/api/v1/users/nobody-we-know", who="")
    (row,) = api.served.select("SELECT * FROM audit_events WHERE kind = 'denial'")
    assert (row["resource"], row["resource_subject"]) == ("unknown", None)
    assert b"nobody-we-know" not in row["entry"]
    assert api.served.select("SELECT 1 FROM audit_subjects WHERE name = 'nobody-we-know'") == []


async def test_known_person_costs_no_question_to_the_database(api: Api) -> None:
    await api.ask("GET", "/api/v1/users", who="grace")
    persons = api.served.site.keeping.persons
    principal = (await api.served.site.identity.users.find("grace")).principal(credential_kind="key")
    owners = persons.known(principal, host_call("audit.read", Resource("record", "calls")))
    assert owners is not None
    assert owners.actor is not None
    assert owners.actor.name == "grace"


async def test_open_profile_keeps_values_in_clear_and_reads_what_was_sealed_before(
    serve: Serve, tmp_path: Path, database: str
) -> None:
    served = await serve("record: {personal: open}")
    async with served.site.admission.admit(
        host_call("admin.user.list", Resource("user", "dora"), {"a": "b"})
    ):
        pass
    (row,) = served.select("SELECT * FROM audit_events WHERE action = 'admin.user.list' AND kind = 'intent'")
    assert (row["resource"], row["body"], row["resource_subject"]) == (
        "dora",
        {"arguments": {"a": "b"}},
        None,
    )


async def test_node_with_another_key_is_refused(serve: Serve, tmp_path: Path, database: str) -> None:
    served = await serve()
    async with served.site.admission.admit(host_call("admin.user.show", Resource("user", "dora"))):
        pass
    path = tmp_path / "other.yaml"
    path.write_text("record: {subjects_key: '" + "ab" * 32 + "'}", encoding="utf-8")
    profile = load(path, environment={})
    profile = msgspec.structs.replace(
        profile, database=msgspec.structs.replace(profile.database, url=Secret(database))
    )
    with pytest.raises(ConfigError, match="under another key"):
        async with open_site(profile, folder=tmp_path / "other", serving=False):
            pass
    (row,) = served.select("SELECT id FROM audit_events WHERE action = 'admin.user.show' AND kind = 'intent'")
    lost = msgspec.structs.replace(profile, record=msgspec.structs.replace(profile.record, personal="open"))
    async with open_site(lost, folder=tmp_path / "other", serving=False) as site:
        (event, _) = await site.reading.event(str(row["id"]))
    assert (event.resource, event.body) == ("sealed", {"sealed": True})


async def test_other_nodes_forget_the_key_of_the_erased(api: Api, tmp_path: Path, database: str) -> None:
    await api.ask("GET", "/api/v1/users", who="dora")
    persons = api.served.site.keeping.persons
    principal = (await api.served.site.identity.users.find("dora")).principal(credential_kind="key")
    call = host_call("audit.read", Resource("record", "calls"))
    assert persons.known(principal, call) is not None
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(
            "UPDATE audit_subjects SET name = NULL, key = NULL, erased = now(), erasure = gen_random_uuid(), stated = '{}'"
            " WHERE name = 'dora'"
        )
    await until(lambda: persons.known(principal, call) is None)
    assert await api.served.site.reading.calls(Filter(actor="dora")) == []
    await asyncio.sleep(0)
