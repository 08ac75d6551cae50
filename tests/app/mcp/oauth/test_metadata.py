"""What servers publish is read strictly, in the order that the specifications give, and refused where it does not fit."""

import pytest

from app.mcp.oauth.metadata import (
    Authority,
    Challenge,
    authority_places,
    check_authority,
    covers,
    read_challenge,
    read_scopes,
    resource_places,
)
from app.mcp.oauth.wanted import SignInError

ISSUER = "https://as.site/tenant"


def authority(**given: object) -> Authority:
    facts = {
        "issuer": ISSUER,
        "authorization_endpoint": "https://as.site/authorize",
        "token_endpoint": "https://as.site/token",
        "code_challenge_methods_supported": ["S256"],
    }
    return Authority(**{**facts, **given})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Challenge()),
        ('Basic realm="Bearer resource_metadata"', Challenge()),
        ('Bearer resource_metadata="https://a/b"', Challenge(resource_metadata="https://a/b")),
        ('Basic realm="a", bearer error=x, scope="a b"', Challenge(error="x", scopes=("a", "b"))),
        ('Bearer scope="a\\"b", error="first", error="second"', Challenge(error="first")),
        ("Bearer " + "a=" * 100_000, Challenge()),
    ],
)  # fmt: skip
def test_challenge_is_read(header: str, expected: Challenge):
    assert read_challenge(header) == expected


def test_places_are_looked_at_in_order():
    assert resource_places("https://s.site:8443/a/mcp?x=1", Challenge()) == [
        "https://s.site:8443/.well-known/oauth-protected-resource/a/mcp",
        "https://s.site:8443/.well-known/oauth-protected-resource",
    ]
    assert resource_places("https://s.site/mcp", Challenge(resource_metadata="https://x/y")) == [
        "https://x/y"
    ]
    assert authority_places(ISSUER) == [
        "https://as.site/.well-known/oauth-authorization-server/tenant",
        "https://as.site/.well-known/openid-configuration/tenant",
        "https://as.site/tenant/.well-known/openid-configuration",
    ]
    assert authority_places("https://as.site") == [
        "https://as.site/.well-known/oauth-authorization-server",
        "https://as.site/.well-known/openid-configuration",
    ]


@pytest.mark.parametrize(
    ("resource", "fits"),
    [
        ("https://s.site/a/mcp", True), ("https://S.site:443/a/mcp/", True), ("https://s.site/a", True),
        ("https://s.site", True), ("https://s.site/a/mc", False), ("http://s.site/a/mcp", False),
        ("https://s.site:8443/a/mcp", False), ("https://s.site.evil/a/mcp", False), ("https://u@s.site/a/mcp", False),
        ("https://s.site/a/mcp#x", False), ("", False), ("https://[::1", False),
    ],
)  # fmt: skip
def test_resource_is_the_server_or_what_it_is_a_part_of(resource: str, fits: bool):
    assert covers(resource, "https://s.site/a/mcp") is fits


def test_sound_authority_is_taken():
    check_authority(authority(registration_endpoint="https://as.site/register"), ISSUER)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": ISSUER + "/"}, {"issuer": "https://AS.site/tenant"}, {"code_challenge_methods_supported": ["plain"]},
        {"code_challenge_methods_supported": []}, {"token_endpoint": "http://as.site/token"}, {"token_endpoint": ""},
        {"authorization_endpoint": "javascript:alert(1)//as.site"}, {"authorization_endpoint": "https://as.site/a b"},
        {"revocation_endpoint": "https://u:p@as.site/revoke"}, {"registration_endpoint": "data:text/plain,x"},
        {"token_endpoint": "https://as.site/" + "x" * 3000},
    ],
)  # fmt: skip
def test_unsound_authority_is_refused(wrong: dict[str, object]):
    with pytest.raises(SignInError):
        check_authority(authority(**wrong), ISSUER)


def test_scopes_are_read_without_what_is_none():
    assert read_scopes('a  b "c" a d\\e é f') == ("a", "b", "f")
    assert len(read_scopes(" ".join(map(str, range(1000))))) == 100
