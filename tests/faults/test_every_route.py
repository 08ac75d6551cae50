"""While the record is away every route refuses with 503 and Retry-After, but those that say how the server is."""

import aiohttp
import psycopg
import pytest

from tests.fix_server import Serve, until
from tests.house.test_routes import _body, fill


@pytest.mark.slow
async def test_every_governed_route_is_refused_while_the_record_is_away(
    serve: Serve, http: aiohttp.ClientSession, database: str
):
    served = await serve()
    key = await served.key("administrator")
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with psycopg.connect(
        psycopg.conninfo.make_conninfo(database, dbname="postgres"), autocommit=True
    ) as conn:
        conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (str(name),)
        )
        try:
            await until(lambda: not served.site.recorder.available)
            governed = [route for route in served.running.doors.routes if not route.public]
            for route in governed:
                async with http.request(
                    route.method,
                    served.url + fill(route.path),
                    headers={
                        "Authorization": f"Bearer {key}",
                        "Cookie": "sallyport_session=x; __Host-sallyport=x",
                        "Content-Type": "application/json",
                        "Accept": "application/json, text/event-stream",
                    },
                    data=_body(route.path),
                    allow_redirects=False,
                ) as answer:
                    where = f"{route.method} {route.path}: {answer.status} {await answer.text()}"
                    assert answer.status == 503, where
                    assert int(answer.headers["Retry-After"]) >= 1, where
        finally:
            conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await until(lambda: served.site.recorder.available)
