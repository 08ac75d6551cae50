"""Boxes: open only with their key and about their row; any change, swap, replay or older form is refused."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import BoxError
from app.secrets.box import MAGIC, Identity, Sealed, key_of, open_sealed, rewrap, seal
from app.secrets.keys import SoftwareKey

KEY = SoftwareKey(b"k" * 32)
OTHER = SoftwareKey(b"o" * 32)
ROW = Identity(name="token", version=2, purpose="tickets")
VALUE = b"the value itself"


def refused(sealed: Sealed, identity: Identity = ROW, key: SoftwareKey = KEY) -> str:
    with pytest.raises(BoxError) as caught:
        open_sealed(key, identity, sealed)
    assert VALUE.decode() not in str(caught.value)
    return str(caught.value)


@given(st.binary(max_size=300), st.text(max_size=40), st.integers(min_value=1, max_value=2**31))
def test_what_was_sealed_opens(value: bytes, purpose: str, version: int) -> None:
    row = Identity(name="n", version=version, purpose=purpose)
    assert open_sealed(KEY, row, seal(KEY, row, value)) == value


@given(st.binary(min_size=1, max_size=60), st.data())
def test_any_changed_bit_is_refused(value: bytes, data: st.DataObject) -> None:
    sealed = seal(KEY, ROW, value)
    part = data.draw(st.sampled_from(["wrapped", "value"]))
    box = bytearray(getattr(sealed, part))
    place = data.draw(st.integers(0, len(box) * 8 - 1))
    box[place // 8] ^= 1 << place % 8
    boxes = {"wrapped": sealed.wrapped, "value": sealed.value, part: bytes(box)}
    with pytest.raises(BoxError):
        open_sealed(KEY, ROW, Sealed(**boxes))


@given(st.integers(0, 200), st.sampled_from(["wrapped", "value"]))
def test_any_cut_is_refused(length: int, part: str) -> None:
    sealed = seal(KEY, ROW, VALUE)
    whole = getattr(sealed, part)
    boxes = {"wrapped": sealed.wrapped, "value": sealed.value, part: whole[: min(length, len(whole) - 1)]}
    with pytest.raises(BoxError):
        open_sealed(KEY, ROW, Sealed(**boxes))


@pytest.mark.parametrize(
    "row",
    [
        Identity(name="other", version=2, purpose="tickets"),
        Identity(name="token", version=1, purpose="tickets"),
        Identity(name="token", version=2, purpose="payments"),
    ],
)
def test_box_of_another_row_is_refused(row: Identity) -> None:
    assert "another row or version" in refused(seal(KEY, row, VALUE))


def test_boxes_of_two_rows_cannot_be_mixed() -> None:
    one, two = seal(KEY, ROW, VALUE), seal(KEY, ROW, b"something else entirely")
    refused(Sealed(wrapped=one.wrapped, value=two.value))
    refused(Sealed(wrapped=one.value, value=one.wrapped))


def test_another_key_is_refused_and_named() -> None:
    sealed = seal(KEY, ROW, VALUE)
    assert "another key" in refused(sealed, key=OTHER)
    assert key_of(sealed.wrapped) == KEY.id
    assert key_of(b"") == ""


def test_head_that_claims_another_key_is_refused() -> None:
    sealed = seal(KEY, ROW, VALUE)
    forged = MAGIC + bytes.fromhex(OTHER.id) + sealed.wrapped[20:]
    refused(Sealed(wrapped=forged, value=sealed.value), key=OTHER)


def test_older_form_is_refused() -> None:
    sealed = seal(KEY, ROW, VALUE)
    assert "no form" in refused(Sealed(wrapped=b"SPB0" + sealed.wrapped[4:], value=sealed.value))


def test_rewrapped_key_opens_with_the_new_master_key_alone() -> None:
    sealed = seal(KEY, ROW, VALUE)
    moved = Sealed(wrapped=rewrap(KEY, OTHER, ROW, sealed.wrapped), value=sealed.value)
    assert open_sealed(OTHER, ROW, moved) == VALUE
    refused(moved)


def test_two_boxes_of_one_value_have_nothing_in_common() -> None:
    one, two = seal(KEY, ROW, VALUE), seal(KEY, ROW, VALUE)
    assert one.value[20:] != two.value[20:]
    assert one.wrapped[20:] != two.wrapped[20:]


def test_key_is_in_no_repr() -> None:
    key = SoftwareKey(os.urandom(32))
    assert key.export().hex() not in repr(key)
    assert str(key.export()) not in repr(key)
    assert key.export().hex() not in key.id
