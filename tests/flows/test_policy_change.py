"""A policy is changed through the API: the next call of somebody else is decided by it, and the record shows both."""

import asyncio
import time

from tests.fix_api import Api

CLOSED = b"""\
policy: site
rules:
  - {id: closed, effect: forbid, who: {roles: [developer]}, actions: [model.list], reason: Closed today.}
"""


async def test_changed_policy_decides_the_next_calls(api: Api) -> None:
    assert await answers(api, 200) < 5
    applied = await api.ask("PUT", "/api/v1/policies/site", CLOSED)
    assert await answers(api, 400) < 5
    await api.ask("DELETE", "/api/v1/policies/site")
    assert await answers(api, 200) < 5
    (denied, *_) = [row for row in api.served.record("kind = 'denial'") if row["actor"] == "dora"]
    assert denied["rule_ids"] == ["site/closed"]
    assert denied["policy_hash"] == applied.body["policy_hash"]
    hashes = {row["policy_hash"] for row in api.served.record("kind = 'intent'") if row["actor"] == "dora"}
    assert denied["policy_hash"] not in hashes
    changes = api.served.record("kind = 'intent' AND action LIKE 'admin.policy.%%' AND resource = 'site'")
    assert [(row["action"], row["actor"]) for row in changes] == [
        ("admin.policy.apply", "ada"),
        ("admin.policy.retire", "ada"),
    ]


async def answers(api: Api, status: int) -> float:
    """Seconds until the developer's model list is answered like this."""
    started = time.monotonic()
    while (await api.ask("GET", "/v1/models", who="dora")).status != status:
        assert time.monotonic() - started < 60
        await asyncio.sleep(0.05)
    return time.monotonic() - started
