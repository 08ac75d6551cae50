"""Wildcards mean one thing, paths cannot be smuggled through them, and they cost linear time."""

import time

import pytest

from app.policy.pattern import name_matches, text_pattern


def text_matches(pattern: str, value: str) -> bool | None:
    return text_pattern(pattern)(value)


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("tool.call", "tool.call", True),
        ("tool.call", "tool.calls", False),
        ("admin.*", "admin.user.create", True),
        ("*", "", True),
        ("*", "files/a/b", True),
        ("files/*", "files/a/b", True),
        ("files/*", "file", False),
        ("*delete*", "sample/delete_ticket", True),
        ("a*a", "a", False),
        ("a*b*c", "abcbc", True),
        ("a*bc*bc", "abc", False),
        ("**", "anything", True),
        ("", "x", False),
    ],
)
def test_name_pattern(pattern: str, value: str, *, fits: bool) -> None:
    assert name_matches(pattern, value) is fits


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("/srv/**", "/srv/a", True),
        ("/srv/**", "/srv/a/b/c", True),
        ("/srv/**", "/srv", False),
        ("/srv/**", "/srv/", False),
        ("/srv/**", "/srvother/a", False),
        ("/srv/*", "/srv/a", True),
        ("/srv/*", "/srv/a/b", False),
        ("/srv/*/*.txt", "/srv/a/b.txt", True),
        ("/srv/**/secret", "/srv/secret", True),
        ("/srv/**/secret", "/srv/a/b/secret", True),
        ("/srv/**/secret", "/srv/a/b/secrets", False),
        ("/a/**/b/**", "/a/b", False),
        ("/a/**/b/**", "/a/x/b/y", True),
        ("**/.env", "/srv/app/.env", True),
        ("**/.env", "app/.env", True),
        ("**/.env", "/srv/app/env", False),
        ("https://docs.example/**", "https://docs.example/a", True),
        ("https://docs.example/**", "HTTPS://DOCS.example/a", True),
        ("https://docs.example/**", "https://docs.example.evil/a", False),
        ("https://*.example/**", "https://a.example/b", True),
        ("PROJ-*", "PROJ-12", True),
        ("PROJ-*", "XPROJ-12", False),
    ],
)
def test_path_pattern(pattern: str, value: str, *, fits: bool) -> None:
    assert text_matches(pattern, value) is fits


@pytest.mark.parametrize(
    "value",
    [
        "/srv/../etc/passwd",
        "/srv/a/..",
        "/srv/./a",
        "/srv//a",
        "//srv/a",
        "/srv/%2e%2e/etc/passwd",
        "/srv/%252e%252e/etc",
        "/srv/..%2fetc",
        "/srv/a\\..\\..\\etc",
        "/srv/a\x00.txt",
        "/srv/a\n/b",
        " /srv/a",
        "~/srv/a",
        "~root/a",
        "srv/a",
        "file:///srv/a",
        "/srv/" + "a" * 9000,
    ],
)
def test_ambiguous_path_is_unknown_to_a_path_pattern(value: str) -> None:
    assert text_matches("/srv/**", value) is None


@pytest.mark.parametrize(
    "value",
    ["https://evil@docs.example/x", "https://evil?.docs.example/x", "https://evil#.docs.example/x", "docs.example/x"],
)  # fmt: skip
def test_ambiguous_host_is_unknown(value: str) -> None:
    assert text_matches("https://*.docs.example/**", value) is None


def test_wildcard_without_slash_leaves_a_path_unknown() -> None:
    assert text_matches("PROJ-*", "PROJ-1/../../etc") is None
    assert text_matches("*secret*", "a/secret/b") is None


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("*a" * 30 + "*", "a" * 8000 + "b"),
        ("*a" * 30 + "b", "a" * 8000),
        ("/**/a/*a*a/a/**/b", "/" + "/".join(["a"] * 4000)),
        ("/" + "/".join(["*a*a*a*a"] * 8) + "/**/x", "/" + "/".join(["a" * 50] * 150)),
    ],
)
def test_hostile_value_costs_little(pattern: str, value: str) -> None:
    started = time.process_time()
    text_matches(pattern, value)
    assert time.process_time() - started < 2
