"""A box opens with its key in its place, and in no other way."""

import os
from uuid import uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from app.audit.subjects.box import content_subject, open_content, open_values, seal_content, seal_values
from app.audit.subjects.site_key import SiteKey

KEY, OTHER = AESGCM(os.urandom(32)), AESGCM(os.urandom(32))
VALUES = {"actor": "änne", "arguments": {"q": [1, None, "x"]}}


def test_values_come_back_with_key_and_place_only() -> None:
    box = seal_values(KEY, VALUES, row="r1", part="sealed")
    assert open_values(KEY, box, row="r1", part="sealed") == VALUES
    assert open_values(OTHER, box, row="r1", part="sealed") is None
    assert open_values(KEY, box, row="r2", part="sealed") is None
    assert open_values(KEY, box, row="r1", part="sealed_resource") is None


def test_equal_values_make_different_boxes() -> None:
    assert len({seal_values(KEY, VALUES, row="r", part="sealed") for _ in range(100)}) == 100


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_anything_else_is_no_box(text: str) -> None:
    assert open_values(KEY, text, row="r", part="sealed") is None


@given(st.binary(max_size=200), st.integers(0, 300), st.integers(1, 255))
def test_a_changed_content_opens_no_more(data: bytes, place: int, change: int) -> None:
    subject = uuid4()
    box = seal_content(KEY, data, subject=subject.bytes)
    assert content_subject(box) == subject.bytes
    assert open_content(KEY, box) == data
    changed = bytearray(box)
    changed[place % len(box)] ^= change
    assert open_content(KEY, bytes(changed)) is None
    assert open_content(OTHER, box) is None


@given(st.binary(max_size=40))
def test_contents_in_clear_have_no_subject(data: bytes) -> None:
    assert content_subject(b"{" + data) is None


def test_wrapped_key_belongs_to_its_subject_and_site() -> None:
    site, subject, key = SiteKey(os.urandom(32)), uuid4(), os.urandom(32)
    wrapped = site.wrap(key, subject=subject)
    assert site.unwrap(wrapped, subject=subject) == key
    assert site.unwrap(wrapped, subject=uuid4()) is None
    assert SiteKey(os.urandom(32)).unwrap(wrapped, subject=subject) is None
    assert key not in wrapped
