"""Known values in every form that programs write them in, wherever a stream is cut, and nothing else touched."""

import base64
import html
import json
import time
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import UpstreamError
from app.secrets.redaction import Redactor, Stream
from app.secrets.redaction.redactor import WITHHELD

SECRET = 'pa"ss/wo\\rd+é&<1>\n%x y'
PLAIN = "sk-live-4f9a8b7c6d5e"


def knows(*values: str, name: str = "token") -> Redactor:
    redactor = Redactor()
    redactor.know({name: [value.encode() for value in values]})
    return redactor


def every(text: str, form: str) -> str:
    return "".join(form % ord(char) for char in text)


def go(text: str) -> str:
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


ESCAPES = {
    "as it is": lambda text: text,
    "json": lambda text: json.dumps(text)[1:-1],
    "json in utf-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json in json": lambda text: json.dumps(json.dumps(text))[1:-1],
    "json of Go": lambda text: go(json.dumps(text, ensure_ascii=False)[1:-1]),
    "json of PHP": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "percent": urllib.parse.quote,
    "percent, all": lambda text: urllib.parse.quote(text, safe=""),
    "percent, plus": urllib.parse.quote_plus,
    "percent, small": lambda text: urllib.parse.quote(text, safe="").lower() if text == text.lower() else text,
    "percent twice": lambda text: urllib.parse.quote(urllib.parse.quote(text, safe=""), safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 after one byte": lambda text: base64.b64encode(b"u" + text.encode()).decode(),
    "base64 after two bytes": lambda text: base64.b64encode(b"u:" + text.encode() + b"?").decode(),
    "base64 in percent": lambda text: urllib.parse.quote(base64.b64encode(text.encode()).decode(), safe=""),
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "html": html.escape,
}  # fmt: skip


@pytest.mark.parametrize("value", [SECRET, PLAIN, "12345678"])
@pytest.mark.parametrize("form", ESCAPES)
def test_value_is_found_in_every_form_and_place(form: str, value: str) -> None:
    redactor = knows(value)
    shown = ESCAPES[form](value)
    for before in range(5):
        text = "." * before + " " + shown + " after"
        cleaned = redactor.text(text)
        assert "[secret token]" in cleaned, (form, cleaned)
        assert shown not in cleaned
        assert cleaned.startswith("." * before)
        assert cleaned.endswith("after")


def test_value_with_each_character_escaped_is_found() -> None:
    redactor = knows(PLAIN)
    for form in ("%%%02X", "\\u%04x", "\\\\u%04X"):
        assert redactor.text(f"<{every(PLAIN, form)}>") == "<[secret token]>"
    assert redactor.text("a%20sk-live-4f9%618b7c6d%35e%20b") == "a%20[secret token]%20b"


def test_text_without_a_value_stays_the_same_object() -> None:
    redactor = knows(PLAIN, SECRET)
    for text in (b"", b"abc", b"%41\\u0041 nothing " * 50, PLAIN[:-1].encode(), PLAIN[1:].encode() + b"!"):
        assert redactor.data(text) is text


def test_redactor_without_values_changes_nothing() -> None:
    redactor = Redactor()
    text = PLAIN.encode()
    assert redactor.data(text) is text
    assert redactor.clean(text)


def test_forgotten_value_is_no_longer_redacted() -> None:
    redactor = knows(PLAIN)
    redactor.know({})
    assert redactor.text(PLAIN) == PLAIN


def test_each_value_carries_its_name() -> None:
    redactor = Redactor()
    redactor.know({"one": [b"first-value", b"before-that"], "two": [b"second-value"]})
    assert redactor.text("first-value before-that second-value") == "[secret one] [secret one] [secret two]"


def test_json_stays_json_and_keeps_its_other_bytes() -> None:
    redactor = knows("nabcdefgh", PLAIN)
    raw = b'{"n": 12345678901234567890123,  "line\\nabcdefgh": "x\\nabcdefgh", "t":"%s", "f":1.50}'
    cleaned = redactor.json(raw % PLAIN.encode(), source="The tool")
    assert cleaned == raw % b"[secret token]"


def test_value_that_is_a_number_is_taken_out_of_json() -> None:
    redactor = knows("1234567890")
    assert json.loads(redactor.json(b'{"id":1234567890,"s":"1234567890"}', source="x")) == {
        "id": "[secret token]",
        "s": "[secret token]",
    }


def test_value_that_spans_members_is_withheld_whole() -> None:
    redactor = knows('{"user":"me","password":"x"}')
    with pytest.raises(UpstreamError, match="withheld"):
        redactor.json(b'{"result":{"user":"me","password":"x"}}', source="The tool")


def test_decoded_values_are_cleaned_in_names_and_numbers() -> None:
    redactor = knows("1234567890", PLAIN)
    assert redactor.value({PLAIN: [1234567890, True, None, {"a": f"x{PLAIN}y"}]}) == {
        "[secret token]": ["[secret token]", True, None, {"a": "x[secret token]y"}]
    }


@pytest.mark.parametrize("form", ["as it is", "json", "percent, all", "base64", "json in json"])
def test_every_cut_of_a_stream_gives_the_same(form: str) -> None:
    redactor = knows(SECRET, PLAIN)
    text = f"one {ESCAPES[form](SECRET)} two {ESCAPES[form](PLAIN)} end".encode()
    whole = redactor.data(text)
    for cut in range(len(text) + 1):
        stream = Stream(redactor)
        assert stream.feed(text[:cut]) + stream.feed(text[cut:]) + stream.close() == whole, cut
    stream = Stream(redactor)
    assert b"".join(stream.feed(text[at : at + 1]) for at in range(len(text))) + stream.close() == whole


def test_stream_holds_nothing_back_that_begins_no_value() -> None:
    stream = Stream(knows(PLAIN))
    assert stream.feed(b"plain words\n") == b"plain words\n"
    assert stream.feed(b"it is sk-li") == b"it is "
    assert stream.feed(b"ne\n") == b"sk-line\n"


@given(st.binary(max_size=200), st.text(min_size=8, max_size=40), st.binary(max_size=200))
def test_no_surroundings_hide_a_value(before: bytes, value: str, after: bytes) -> None:
    raw = value.encode("utf-8", "surrogatepass")
    redactor = Redactor()
    redactor.know({"token": [raw]})
    cleaned = redactor.data(before + raw + after)
    assert raw not in cleaned.replace(b"[secret token]", b"\0\0")


@pytest.mark.alone
def test_text_made_of_look_alikes_is_withheld_and_takes_no_longer() -> None:
    redactor = Redactor()
    redactor.know(
        {f"t{number}": [f"{number:04}same-middle-of-all{number:04}".encode()] for number in range(100)}
    )
    hostile = b"same-middle-of-all" * 200_000
    plain = b"nothing to see here, really" * 133_000

    def took(text: bytes) -> float:
        began = time.perf_counter()
        redactor.data(text)
        return time.perf_counter() - began

    assert took(hostile) < 60 * took(plain) + 1
    assert redactor.data(hostile) in (hostile, WITHHELD.encode())
