"""Boxes: values sealed with AES-256-GCM (NIST SP 800-38D) under one person's key, bound to their place in the record."""

import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.canonical import canonical

_NONCE = 12
_ROW = b"sallyport/record/row/1/"
_CONTENT = b"sallyport/record/content/1/"
_MAGIC = b"SPB1"
_HEAD = len(_MAGIC) + 16


def seal_values(key: AESGCM, values: dict[str, Any], *, row: str, part: str) -> str:
    """Base64 of nonce and ciphertext over canonical JSON; `row` is the id of the row, `part` the member it stands in."""
    nonce = os.urandom(_NONCE)
    box = key.encrypt(nonce, canonical(values), _ROW + f"{row}/{part}".encode())
    return b64encode(nonce + box).decode()


def open_values(key: AESGCM, text: str, *, row: str, part: str) -> dict[str, Any] | None:
    """The values, or None when this is not a box of that key and place."""
    try:
        box = b64decode(text, validate=True)
        data = key.decrypt(box[:_NONCE], box[_NONCE:], _ROW + f"{row}/{part}".encode())
        return msgspec.json.decode(data, type=dict[str, Any])
    except (Base64Error, ValueError, InvalidTag, msgspec.MsgspecError):
        return None


def seal_content(key: AESGCM, data: bytes, *, subject: bytes) -> bytes:
    """A content beside the entries: magic, the 16 bytes of the subject, nonce, ciphertext."""
    head, nonce = _MAGIC + subject, os.urandom(_NONCE)
    return head + nonce + key.encrypt(nonce, data, _CONTENT + head)


def content_subject(box: bytes) -> bytes | None:
    """Whose content this is; None for one in clear."""
    return box[len(_MAGIC) : _HEAD] if box.startswith(_MAGIC) and len(box) > _HEAD + _NONCE else None


def open_content(key: AESGCM, box: bytes) -> bytes | None:
    """The content, or None when it is not a box of that key."""
    try:
        return key.decrypt(box[_HEAD : _HEAD + _NONCE], box[_HEAD + _NONCE :], _CONTENT + box[:_HEAD])
    except (InvalidTag, ValueError):
        return None
