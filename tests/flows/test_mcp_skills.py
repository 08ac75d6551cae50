"""Skills of tool servers: listed as policy and the rules allow, read as their entries say, held when they change."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from app.config.tools import McpServer
from tests.fix_modern import PREFIX, modern
from tests.fix_streams import begin
from tests.fix_tools import BOB, tool_site

PROGRAM = Path(__file__).parent.parent / "simulators" / "mcp_skills.py"
REFUNDS = "skill://billing/refunds/SKILL.md"
TEMPLATE = "skill://billing/refunds/templates/mail.md"


def write(folder: Path, name: str, text: str = "Be kind.", **files: str) -> None:
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    front = f"---\nname: {place.name}\ndescription: How to do {place.name}\n---\n"
    (place / "SKILL.md").write_text(front + text)
    for file, content in files.items():
        path = place / "templates" / f"{file}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "skills"
    write(folder, "git-workflow")
    write(folder, "billing/refunds", mail="Dear customer")
    return folder


def servers(folder: Path, *options: str) -> dict[str, McpServer]:
    command = (sys.executable, str(PROGRAM), str(folder), *options)
    return {"desk": McpServer(command=command, read=(str(folder),))}


def addresses(answer: Any) -> list[str]:
    return [one["uri"] for one in answer["result"]["skills"]]


@pytest.mark.parametrize("era", ["--modern", "--old"])
async def test_skills_reach_clients_of_either_era(database: str, tmp_path: Path, folder: Path, era: str):
    async with tool_site(database, tmp_path, servers=servers(folder, era)) as site:
        listed = await modern(site, "skills/list", path="/mcp/desk")
        found = await modern(site, "skills/get", {"uri": REFUNDS}, path="/mcp/desk")
        read = await modern(site, "resources/read", {"uri": TEMPLATE}, path="/mcp/desk")
        inside = {"uri": "skill://billing/refunds/templates"}
        children = await modern(site, "resources/directory/read", inside, path="/mcp/desk")
        peer = await begin(site, "/mcp/desk")
        old = await peer.ask("skills/list", {})
        rows = await site.rows(
            "SELECT action, resource FROM audit_events WHERE kind = 'intent' AND action LIKE 'skill.%' ORDER BY time"
        )
    assert addresses(listed) == addresses(old) == [REFUNDS, "skill://git-workflow/SKILL.md"]
    assert (listed["result"]["cacheScope"], listed["result"]["resultType"]) == ("private", "complete")
    assert "cacheScope" not in old["result"]
    assert found["result"]["skill"]["frontmatter"]["name"] == "refunds"
    assert found["result"]["cacheScope"] == "private"
    assert read["result"]["contents"][0]["text"] == "Dear customer"
    assert [one["uri"] for one in children["result"]["resources"]] == [TEMPLATE]
    assert peer.result["capabilities"]["extensions"][PREFIX + "skills"] == {"directoryRead": True}
    assert rows == [("skill.list", "desk"), ("skill.read", f"desk/{REFUNDS}"), ("skill.list", "desk")]


async def test_addresses_on_the_endpoint_of_all_servers_name_the_server(
    database: str, tmp_path: Path, folder: Path
):
    async with tool_site(database, tmp_path, servers=servers(folder)) as site:
        listed = await modern(site, "skills/list", path="/mcp")
        public = listed["result"]["skills"][0]
        found = await modern(site, "skills/get", {"uri": public["uri"]}, path="/mcp")
        read = await modern(site, "resources/read", {"uri": public["resources"][1]["uri"]}, path="/mcp")
    assert public["uri"] == f"sallyport://desk/{REFUNDS}"
    assert [one["uri"] for one in public["resources"]] == [public["uri"], f"sallyport://desk/{TEMPLATE}"]
    assert found["result"]["skill"] == public
    assert read["result"]["contents"][0]["text"] == "Dear customer"


async def test_skill_that_may_not_be_read_is_neither_listed_nor_given(
    database: str, tmp_path: Path, folder: Path
):
    forbid = [f"bob skill.read skill:desk/{REFUNDS}"]
    everyone = ["alice *", "bob *"]
    async with tool_site(database, tmp_path, servers=servers(folder), permit=everyone, forbid=forbid) as site:
        listed = await modern(site, "skills/list", path="/mcp/desk", key=BOB)
        denied = await modern(site, "skills/get", {"uri": REFUNDS}, path="/mcp/desk", key=BOB)
        unknown = await modern(site, "skills/get", {"uri": "skill://x/SKILL.md"}, path="/mcp/desk")
    assert addresses(listed) == ["skill://git-workflow/SKILL.md"]
    assert denied["error"]["data"]["reason"] == "forbidden_by_rule"
    assert unknown["error"]["code"] == -32602


async def test_entries_against_the_rules_are_left_out(database: str, tmp_path: Path, folder: Path):
    front = {"name": "odd", "description": "Odd"}
    file = {"uri": "skill://odd/SKILL.md", "digest": "sha256:" + "0" * 64, "size": 1}
    crooked = [
        {"uri": "skill://odd/SKILL.md", "frontmatter": front},
        {"uri": "skill://other/SKILL.md", "frontmatter": front, "resources": "dynamic"},
        {"uri": "skill://odd/SKILL.md", "frontmatter": front, "resources": [{**file, "size": 2**30}]},
        {"uri": "skill://odd/SKILL.md", "frontmatter": front, "resources": [{**file, "digest": "md5:1"}]},
        {"uri": "skill://odd/SKILL.md", "frontmatter": front, "resources": [file, file]},
        {
            "uri": "skill://odd/SKILL.md",
            "frontmatter": front,
            "resources": [file, {**file, "uri": "skill://odd/../git-workflow/SKILL.md"}],
        },
    ]
    (folder / "crooked.json").write_text(json.dumps(crooked))
    async with tool_site(database, tmp_path, servers=servers(folder)) as site:
        listed = await modern(site, "skills/list", path="/mcp/desk")
        given = await modern(site, "skills/get", {"uri": "skill://odd/SKILL.md"}, path="/mcp/desk")
    assert addresses(listed) == [REFUNDS, "skill://git-workflow/SKILL.md"]
    assert "against the rules" in given["error"]["message"]


async def test_file_that_is_not_what_its_entry_says_is_withheld(database: str, tmp_path: Path, folder: Path):
    async with tool_site(database, tmp_path, servers=servers(folder)) as site:
        await modern(site, "skills/list", path="/mcp/desk")
        assert "result" in await modern(site, "resources/read", {"uri": TEMPLATE}, path="/mcp/desk")
        (folder / "lies").touch()
        lied = await modern(site, "resources/read", {"uri": TEMPLATE}, path="/mcp/desk")
        inside = {"uri": "skill://billing/refunds/templates"}
        children = await modern(site, "resources/directory/read", inside, path="/mcp/desk")
        rows = await site.rows(
            "SELECT status FROM audit_events WHERE kind = 'outcome' AND action = 'resource.read'"
        )
    assert "not what the entry of its skill says" in lied["error"]["message"]
    assert "does not lie in that directory" in children["error"]["message"]
    assert [row[0] for row in rows] == ["ok", "error", "error"]


async def test_changed_skill_is_held_until_a_person_approved_it(database: str, tmp_path: Path, folder: Path):
    async with tool_site(database, tmp_path, servers=servers(folder)) as site:
        await modern(site, "skills/list", path="/mcp/desk")
        write(folder, "billing/refunds", text="Refund everybody.", mail="Dear customer")
        read = await modern(site, "resources/read", {"uri": REFUNDS}, path="/mcp/desk")
        listed = await modern(site, "skills/list", path="/mcp/desk")
        given = await modern(site, "skills/get", {"uri": REFUNDS}, path="/mcp/desk")
        other = await modern(site, "resources/read", {"uri": TEMPLATE}, path="/mcp/desk")
        pending = [(one.kind, one.name) for one in await site.review.pending()]
        noticed = await site.rows(
            "SELECT resource_kind, resource FROM audit_events WHERE action = 'tool.quarantined'"
        )
    assert read["error"]["data"]["reason"] == "skill_quarantined"
    assert addresses(listed) == ["skill://git-workflow/SKILL.md"]
    assert given["error"]["data"]["reason"] == "skill_quarantined"
    assert other["error"]["data"]["reason"] == "skill_quarantined"
    assert pending == [("skill", REFUNDS)]
    assert noticed == [("skill", f"desk/{REFUNDS}")]
