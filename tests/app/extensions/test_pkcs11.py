"""Keys inside a PKCS#11 token (SoftHSM): the record is signed and secrets are sealed by them, and they never leave."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.core.errors import BoxError, ConfigError, MasterKeyError, SallyportError
from app.extensions.pkcs11 import Token, TokenSigner, TokenSource, parse_uri
from app.secrets.box import Identity, key_of, open_sealed, seal
from tests.simulators import softhsm
from tests.simulators.softhsm import MODULE, SoftHsm

needs_token = pytest.mark.skipif(bool(softhsm.missing()), reason=softhsm.missing())


@pytest.fixture
def hsm(tmp_path: Path) -> Iterator[SoftHsm]:
    before = os.environ.get("SOFTHSM2_CONF")
    made = SoftHsm(tmp_path / "hsm")
    os.environ["SOFTHSM2_CONF"] = str(made.config)
    yield made
    del os.environ["SOFTHSM2_CONF"]
    if before is not None:
        os.environ["SOFTHSM2_CONF"] = before


def token(hsm: SoftHsm, label: str) -> Token:
    return Token(parse_uri(hsm.uri(label), where="test"))


@needs_token
def test_token_signs_by_each_of_its_keys_in_the_order_of_their_ids(hsm: SoftHsm) -> None:
    for number in ("02", "01"):
        hsm.make("record", "log", number)
    signer = TokenSigner(opened := token(hsm, "log"))
    assert len(signer.keys) == 2
    for key in signer.keys:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signer.sign(key, b"payload"), b"payload")
    first = TokenSigner(one := Token(parse_uri(hsm.uri("log").replace("?", ";id=%01?"), where="test")))
    assert first.keys == signer.keys[:1]
    opened.close()
    one.close()


@needs_token
def test_secrets_are_sealed_by_a_key_that_never_leaves(hsm: SoftHsm) -> None:
    hsm.make("master", "master", "01")
    opened = token(hsm, "master")
    (key,) = TokenSource(opened).find(())
    row = Identity(name="n", version=1, purpose="")
    sealed = seal(key, row, b"the value of the secret")
    assert open_sealed(key, row, sealed) == b"the value of the secret"
    assert (key_of(sealed.wrapped), key.export()) == (key.id, b"")
    with pytest.raises(BoxError):
        open_sealed(key, Identity(name="other", version=1, purpose=""), sealed)
    assert key.tag(b"one") != key.tag(b"two")
    assert open_sealed(key, row, sealed) == b"the value of the secret", (
        "a refused box costs nothing but itself"
    )
    (again,) = TokenSource(other := token(hsm, "master")).find(())
    assert (again.id, open_sealed(again, row, sealed)) == (key.id, b"the value of the secret")
    opened.close()
    other.close()


@needs_token
def test_dead_helper_is_started_again(hsm: SoftHsm) -> None:
    hsm.make("master", "master", "01")
    opened = token(hsm, "master")
    (key,) = TokenSource(opened).find(())
    tag = key.tag(b"x")
    assert opened.pid
    os.kill(opened.pid, signal.SIGKILL)
    tags = []
    for _ in range(3):
        try:
            tags.append(key.tag(b"x"))
        except MasterKeyError:
            continue
    assert tags[-1] == tag
    opened.close()


@needs_token
def test_wrong_pin_and_absent_token_are_told_in_words(hsm: SoftHsm) -> None:
    hsm.pin.write_text("wrong-pin", encoding="utf-8")
    with pytest.raises(MasterKeyError, match="the PIN is wrong") as told:
        TokenSource(token(hsm, "master")).find(())
    assert "wrong-pin" not in str(told.value)
    uri = hsm.uri("master").replace("token=site", "token=elsewhere")
    with pytest.raises(MasterKeyError, match="0 tokens match"):
        TokenSource(Token(parse_uri(uri, where="test"))).find(())
    hsm.pin.chmod(0o644)
    with pytest.raises(SallyportError, match="may be read by others"):
        TokenSource(token(hsm, "master")).find(())


def test_absent_library_is_told_in_words(tmp_path: Path) -> None:
    uri = f"pkcs11:token=site?module-path={tmp_path}/absent.so"
    with pytest.raises(MasterKeyError, match="the library cannot be used"):
        TokenSource(Token(parse_uri(uri, where="test"))).find(())


def test_uri_is_read_as_rfc_7512_says() -> None:
    found = parse_uri(
        f"pkcs11:token=My%20Token;serial=ab;object=log;id=%01%02;type=private?module-path={MODULE}&pin-source=file:/p",
        where="record.keys",
    )
    assert found.token == {"token": "My Token", "serial": "ab"}
    assert (found.label, found.id, found.pin_file) == ("log", b"\x01\x02", "/p")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pkcs11:object=log?module-path=/x.so",
        "pkcs11:token=a;token=b?module-path=/x.so",
        "pkcs11:token=a",
        "pkcs11:token=a?module-path=x.so",
        "pkcs11:token=a?module-path=/x.so&pin-value=1234",
        "pkcs11:token=a?module-path=/x.so&pin-source=|cat",
        "pkcs11:token=a;odd=b?module-path=/x.so",
    ],
)
def test_uri_that_cannot_work_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ConfigError, match=r"record\.keys: the pkcs11 URI cannot be used") as told:
        parse_uri(text, where="record.keys")
    assert "1234" not in str(told.value)
