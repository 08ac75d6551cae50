"""Settings of a sign-in that could never work are refused when the profile is read."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.config import load
from app.core.errors import ConfigError
from app.egress.destinations import declared

ISSUER = "https://login.site/tenant"


def read(folder: Path, oauth: dict[str, Any], **entry: Any):
    path = folder / "profile.yaml"
    server = {"url": "https://tools.site/mcp", "oauth": oauth, **entry}
    path.write_text(
        json.dumps({"mcp": {"servers": {"far": {key: value for key, value in server.items() if value}}}})
    )
    return load(path, environment={})


def test_issuers_are_destinations(tmp_path: Path):
    profile = read(tmp_path, {"issuers": [ISSUER, "https://other.site:8443"]})
    places = [(one.host, one.port, one.name) for one in declared(profile) if "oauth" in one.name]
    assert places == [
        ("login.site", 443, "mcp.servers.far.oauth.issuers"), ("other.site", 8443, "mcp.servers.far.oauth.issuers"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("oauth", "entry", "said"),
    [
        ({"client_id": "a"}, {}, "issuers"),
        ({"issuers": ["login.site"]}, {}, "issuers"),
        ({"issuers": [ISSUER + "?x=1"]}, {}, "issuers"),
        ({"issuers": [ISSUER], "client_secret": "x"}, {}, "client_id"),
        ({"issuers": [ISSUER], "services": "client-credentials"}, {}, "client-credentials"),
        ({"issuers": [ISSUER], "scopes": ["a b"]}, {}, "scopes"),
        ({"issuers": [ISSUER]}, {"headers": {"authorization": "x"}}, "Authorization"),
        ({"issuers": [ISSUER]}, {"secrets": {"Authorization: Bearer {}": "token"}}, "Authorization"),
        ({"issuers": [ISSUER]}, {"url": "", "command": ["x"]}, "a program does not sign in"),
    ],
)  # fmt: skip
def test_settings_that_contradict_are_refused(
    tmp_path: Path, oauth: dict[str, Any], entry: dict[str, Any], said: str
):
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, oauth, **entry)
