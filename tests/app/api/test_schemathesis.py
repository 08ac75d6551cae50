"""What the OpenAPI document promises holds under generated requests, hostile ones included."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.fix_api import Api

# Without ignored_auth: a bad key per operation is more than the thirty a minute that an address may try.
# tests/house/test_routes.py asks every route as a stranger.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance,unsupported_method,allow_header_conformance,negative_data_rejection"
)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_api_keeps_the_promises_of_its_description(api: Api, tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", f"{api.served.url}/api/openapi.json",
        "--header", f"Authorization: Bearer {api.keys['ada']}", "--checks", CHECKS,
        "--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "7", "--no-shrink",
        "--warnings", "off", "--suppress-health-check", "all", "--request-timeout", "10", "--no-color",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await child.communicate()
    assert child.returncode == 0, output.decode()[-8000:]
    assert b"No issues found" in output
    (unrecorded,) = api.served.select(
        "SELECT count(*) AS calls FROM audit_events i WHERE door = 'api' AND kind = 'intent'"
        " AND NOT EXISTS (SELECT FROM audit_events o WHERE o.call = i.id AND o.kind = 'outcome')"
    )
    assert unrecorded["calls"] == 0
