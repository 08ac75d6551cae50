"""What of the contents is kept, and what masks hide."""

import json
import time
from typing import Any

import pytest

from app.admission.capture import Capture, Kept
from app.admission.redaction import MOST, redacted
from app.config.schema import Record
from app.core.canonical import canonical, digest

TEXT = "Write to eve.quux@mail.example.org"
SAID = {"note": TEXT}


def put(mode: Any, value: dict[str, Any]) -> tuple[dict[str, Any], Kept]:
    body, kept = {}, Kept()
    Capture(Record()).put(body, "arguments", value, mode=mode, kept=kept)
    return body, kept


def test_each_mode_keeps_what_it_says() -> None:
    size = len(canonical(SAID))
    assert put("off", SAID)[0] == {"arguments": {"bytes": size}}
    assert put("digest", SAID)[0] == {"arguments": {"sha256": digest(canonical(SAID)), "bytes": size}}
    assert put("full", SAID)[0] == {"arguments": SAID}
    assert put("redacted", SAID)[0] == {
        "arguments": {"note": "Write to [e-mail]"},
        "masked": {"arguments": {"e-mail": 1}},
    }


def test_large_contents_go_beside_and_off_and_digest_keep_none() -> None:
    large = {"text": "word " * 10_000}
    assert [len(put(mode, large)[1].contents) for mode in ("off", "digest", "redacted", "full")] == [
        0,
        0,
        1,
        1,
    ]


def test_the_rule_says_it_before_the_profile() -> None:
    capture = Capture(Record(tool_content="full", ai_content="off"))
    assert [capture.mode(action, None) for action in ("tool.call", "model.invoke", "admin.user.list")] == [
        "full", "off", "full",
    ]  # fmt: skip
    assert capture.mode("tool.call", "off") == "off"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("eve@example.org", "e-mail"),
        ("+49 30 901820 44", "phone"),
        ("(030) 901820-44", "phone"),
        ("4111 1111 1111 1111", "card"),
        ("5500-0000-0000-0004", "card"),
        ("DE89 3704 0044 0532 0130 00", "iban"),
        ("GB29NWBK60161331926819", "iban"),
        ("123-45-6789", "national-id"),
        ("12345678Z", "national-id"),
        ("0123456789", "number"),
        ("sk-proj-abcdefghij0123456789", "token"),
        ("ghp_abcdefghijABCDEFGHIJ0123456789", "token"),
        ("AKIAIOSFODNN7EXAMPLE", "token"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "token"),
        ("Bearer abcdef0123456789", "token"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----", "key"),
    ],
)
def test_what_looks_personal_or_secret_is_masked(text: str, kind: str) -> None:
    shown, found = redacted({"a": f"so {text}, yes"})
    assert shown == {"a": f"so [{kind}], yes"}
    assert found == {kind: 1}


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21", "version 3.11.7", "the year 1984", "T-1234", "src/app/admission/recording.py", "21.11.2026",
        "internationalization_and_localization", "port 8443", "a + b = c",
    ],
)  # fmt: skip
def test_plain_words_stay(text: str) -> None:
    assert redacted({"a": text}) == ({"a": text}, {})


def test_structure_stays_and_names_tell_secrets() -> None:
    shown, found = redacted(
        {"user": {"password": "x", "api_key": ["y"], "ids": [123456789, 7, True, None, 1.5]}}
    )
    assert shown == {
        "user": {"password": "[secret]", "api_key": "[secret]", "ids": ["[number]", 7, True, None, 1.5]}
    }
    assert found == {"number": 1, "secret": 2}
    shown, _ = redacted({"a@b.example": 1, "c@d.example": 2})
    assert list(shown.values()) == [1, 2]


def test_what_is_too_large_to_look_at_is_kept_as_a_digest() -> None:
    body, kept = put("redacted", {"text": "x" * (MOST + 1)})
    assert set(body["arguments"]) == {"sha256", "bytes"}
    assert body["masked"]["arguments"]["unscanned"] > MOST
    assert kept.contents == []


@pytest.mark.alone
@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "1",
        "a@",
        "a.",
        "1 ",
        "(",
        "eyJ",
        "eyJaaaaaaaaaa.",
        "sk-",
        "AA00 ",
        "bearer ",
        "-----BEGIN ",
        "x1-",
        "/",
    ],
)
def test_no_text_makes_masking_slow(unit: str) -> None:
    def took(size: int) -> float:
        value = {"a": (unit * size)[:size]}
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            redacted(value)
            best = min(best, time.process_time() - start)
        return best

    assert took(64_000) < 24 * took(8_000) + 0.005  # eight times the text; quadratic would be 64


def test_masked_contents_are_json() -> None:
    assert json.loads(canonical(redacted({"a": [TEXT, {"b": TEXT}]})[0]))
