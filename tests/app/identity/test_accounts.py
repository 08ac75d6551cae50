"""Accounts: names, roles, the last administrator."""

import asyncio

import pytest

from app.core.call import BearerToken, PasswordCredential
from app.core.errors import ConflictError, DeniedError, InputError, NotFoundError
from tests.app.identity.world import PASSWORD, World


async def test_created_user_has_the_roles_and_groups_it_was_given(site: World) -> None:
    async with site.act("admin.group.create") as passage:
        await site.identity.groups.create(passage, name="physics")
    async with site.act("admin.user.create") as passage:
        account = await site.identity.users.create(
            passage, name="ada", roles=["developer"], groups=["physics"]
        )
    assert (account.roles, account.groups) == (("developer",), ("physics",))
    assert account.created_by == "root"


async def test_role_of_a_group_is_a_role_of_its_members(site: World) -> None:
    await site.user("ada")
    async with site.act("admin.group.create") as passage:
        await site.identity.groups.create(passage, name="physics")
    async with site.act("admin.group.add") as passage:
        await site.identity.groups.add(passage, "physics", "ada")
    async with site.act("admin.group.grant") as passage:
        await site.identity.groups.grant(passage, "physics", "auditor")
    assert (await site.identity.users.find("ada")).roles == ("auditor",)
    async with site.act("admin.group.delete") as passage:
        await site.identity.groups.delete(passage, "physics")
    assert (await site.identity.users.find("ada")).roles == ()


@pytest.mark.parametrize(
    "name", ["", "Ada", "a b", "a/b", "a*", "../x", "é", "a" * 65, "anonymous", "-x", "a\x00", "a\n"]
)
async def test_name_that_a_pattern_or_terminal_reads_differently_is_refused(site: World, name: str) -> None:
    with pytest.raises(InputError):
        await site.user(name)


async def test_name_is_never_used_twice(site: World) -> None:
    await site.user("ada")
    async with site.act("admin.user.delete") as passage:
        await site.identity.users.delete(passage, "ada")
    with pytest.raises(ConflictError):
        await site.user("ada")
    with pytest.raises(NotFoundError):
        await site.identity.users.find("ada")


async def test_unknown_role_leaves_no_half_made_user(site: World) -> None:
    with pytest.raises(NotFoundError):
        await site.user("ada", "wizard")
    assert await site.identity.users.list_all() == []


async def test_users_and_service_accounts_share_names_but_not_lists(site: World) -> None:
    await site.user("ada")
    async with site.act("admin.service.create") as passage:
        with pytest.raises(ConflictError):
            await site.identity.services.create(passage, name="ada")
        await site.identity.services.create(passage, name="ci")
    assert [account.name for account in await site.identity.services.list_all()] == ["ci"]
    with pytest.raises(NotFoundError):
        await site.identity.services.find("ada")


async def test_service_account_has_no_password(site: World) -> None:
    async with site.act("admin.service.create") as passage:
        with pytest.raises(ConflictError):
            await site.identity.services.create(passage, name="ci", password=PASSWORD)


@pytest.mark.parametrize("how", ["disable", "delete", "revoke"])
async def test_last_administrator_stays(site: World, how: str) -> None:
    await site.user("ada", "administrator")
    users = site.identity.users

    async def attempt() -> None:
        async with site.act(f"admin.user.{how}") as passage:
            match how:
                case "disable":
                    await users.disable(passage, "ada")
                case "delete":
                    await users.delete(passage, "ada")
                case _:
                    await users.revoke(passage, "ada", "administrator")

    with pytest.raises(ConflictError, match="without an administrator"):
        await attempt()
    account = await users.find("ada")
    assert (account.state, account.roles) == ("active", ("administrator",))
    assert await site.rows(
        "SELECT o.status FROM audit_events o JOIN audit_events i ON i.id = o.call"
        f" WHERE o.kind = 'outcome' AND i.action = 'admin.user.{how}'"
    ) == [("error",)]


@pytest.mark.parametrize("how", ["delete", "remove", "revoke"])
async def test_last_administrator_by_a_group_stays(site: World, how: str) -> None:
    groups = site.identity.groups
    await site.user("ada")
    async with site.act("admin.group.create") as passage:
        await groups.create(passage, name="admins")
    async with site.act("admin.group.grant") as passage:
        await groups.grant(passage, "admins", "administrator")
    async with site.act("admin.group.add") as passage:
        await groups.add(passage, "admins", "ada")

    async def attempt() -> None:
        async with site.act(f"admin.group.{how}") as passage:
            match how:
                case "delete":
                    await groups.delete(passage, "admins")
                case "remove":
                    await groups.remove(passage, "admins", "ada")
                case _:
                    await groups.revoke(passage, "admins", "administrator")

    with pytest.raises(ConflictError, match="without an administrator"):
        await attempt()
    assert (await site.identity.users.find("ada")).roles == ("administrator",)


async def test_two_administrators_cannot_disable_each_other_at_once(site: World) -> None:
    names = ["ada", "bob", "eve", "joe"]
    for name in names:
        await site.user(name, "administrator")

    async def disable(name: str) -> None:
        async with site.act("admin.user.disable") as passage:
            await site.identity.users.disable(passage, name)

    results = await asyncio.gather(*(disable(name) for name in names), return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [ConflictError]
    states = [account.state for account in await site.identity.users.list_all()]
    assert sorted(states) == ["active", "disabled", "disabled", "disabled"]


async def test_change_needs_a_passage_for_that_change(site: World) -> None:
    async with site.act("admin.user.list") as passage:
        with pytest.raises(ValueError, match="cannot make the change"):
            await site.identity.users.create(passage, name="ada")
    async with site.act("admin.user.create") as passage:
        await passage.settle()
        with pytest.raises(ValueError, match="cannot make the change"):
            await site.identity.users.create(passage, name="ada")
    assert await site.identity.users.list_all() == []


async def test_user_without_rights_changes_nothing(site: World) -> None:
    await site.user("bob", "developer")
    token = (await site.key("bob")).token
    with pytest.raises(DeniedError):
        async with site.act("admin.user.create", credential=BearerToken(token)) as passage:
            await site.identity.users.create(passage, name="mallory", roles=["administrator"])
    assert [account.name for account in await site.identity.users.list_all()] == ["bob"]


async def test_deleted_user_loses_every_credential(site: World) -> None:
    await site.user("ada", password=PASSWORD)
    token = (await site.key("ada")).token
    session = await site.sign_in(PasswordCredential("ada", PASSWORD))
    async with site.act("admin.user.delete") as passage:
        await site.identity.users.delete(passage, "ada")
    assert (await site.bearer(token)).failure == "identity_disabled"
    assert (await site.cookie(session.token)).failure == "credential_invalid"
    assert (await site.who(PasswordCredential("ada", PASSWORD))).failure == "credential_invalid"
    assert await site.rows("SELECT count(*) FROM passwords") == [(0,)]


async def test_built_in_role_cannot_be_deleted_but_another_can(site: World) -> None:
    async with site.act("admin.role.create") as passage:
        await site.identity.roles.create(passage, name="chemist")
    await site.user("ada", "chemist")
    async with site.act("admin.role.delete") as passage:
        await site.identity.roles.delete(passage, "chemist")
        with pytest.raises(ConflictError):
            await site.identity.roles.delete(passage, "auditor")
    assert (await site.identity.users.find("ada")).roles == ()


async def test_list_goes_on_after_a_name(site: World) -> None:
    for name in ("ada", "bob", "cyd"):
        await site.user(name)
    first = await site.identity.users.list_all(limit=2)
    rest = await site.identity.users.list_all(after=first[-1].name)
    assert [account.name for account in first + rest] == ["ada", "bob", "cyd"]
