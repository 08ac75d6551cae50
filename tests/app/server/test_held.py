"""What the kernel refuses a server is a row of the record when it changed, and none when it did not."""

from app.egress import Held
from app.server.host.held import say_held
from tests.fix_server import Serve, until


async def test_only_another_level_is_a_new_row(serve: Serve) -> None:
    served = await serve()
    first, second = Held(on={"ports": "all"}), Held(off={"ports": "no Landlock"})

    def levels() -> list[dict[str, dict[str, str]]]:
        rows = served.select("SELECT body FROM audit_events WHERE action = 'egress.enforce' ORDER BY id")
        return [row["body"] for row in rows]

    for held, expected in ((first, 1), (first, 1), (second, 2), (second, 2), (first, 3)):
        await say_held(served.site, held)
        await until(lambda expected=expected: len(levels()) >= expected)
    assert [set(level["on"]) for level in levels()] == [{"ports"}, set(), {"ports"}]
