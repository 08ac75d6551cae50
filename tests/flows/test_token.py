"""A site whose record is signed and whose secrets are sealed inside a PKCS#11 token."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.core.call import Resource
from app.core.errors import ConfigError
from app.extensions.pkcs11 import Token, TokenSigner, parse_uri
from app.server.first_run import host_call
from tests.fix_server import Serve, until
from tests.simulators import softhsm
from tests.simulators.softhsm import SoftHsm

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(softhsm.missing()), reason=softhsm.missing())]


@pytest.fixture
def hsm(tmp_path: Path) -> Iterator[SoftHsm]:
    made = SoftHsm(tmp_path / "hsm")
    os.environ["SOFTHSM2_CONF"] = str(made.config)
    yield made
    del os.environ["SOFTHSM2_CONF"]


async def test_record_and_secrets_are_under_keys_of_the_token(
    serve: Serve, hsm: SoftHsm, tmp_path: Path
) -> None:
    hsm.make("record", "log", "01")
    hsm.make("master", "master", "01")
    profile = {
        "record": {"keys": hsm.uri("log"), "origin": "example.org/site"},
        "secrets": {"master_key": "pkcs11", "key_uri": hsm.uri("master")},
    }
    served = await serve(json.dumps(profile))
    rooms = served.site.secrets
    async with served.site.admission.admit(
        host_call("admin.secret.set", Resource("secret", "one"))
    ) as passage:
        await rooms.set(passage, "one", b"the-value-of-the-secret")
    assert (await rooms.check()).problems == ()
    assert rooms.catalogue.snapshot.opened["one"].value == b"the-value-of-the-secret"
    (row,) = await until(
        lambda: served.select("SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1"), 60.0
    )
    note = bytes(row["note"]).decode() if not isinstance(row["note"], str) else row["note"]
    public = TokenSigner(token := Token(parse_uri(hsm.uri("log"), where="test"))).keys[0].public
    token.close()
    text, _, signatures = note.partition("\n\n")
    assert text.startswith("example.org/site/audit\n")
    signed = [line for line in signatures.splitlines() if line.startswith("— example.org/site/audit ")]
    Ed25519PublicKey.from_public_bytes(public).verify(
        base64.b64decode(signed[0].split(" ")[2])[4:], (text + "\n").encode()
    )
    assert not (tmp_path / "data" / "keys" / "record" / "signing").exists()
    assert not (tmp_path / "data" / "keys" / "master.key").exists()


async def test_site_does_not_start_without_its_token(serve: Serve, hsm: SoftHsm) -> None:
    with pytest.raises(ConfigError, match="0 tokens match"):
        await serve(
            json.dumps(
                {
                    "secrets": {
                        "master_key": "pkcs11",
                        "key_uri": hsm.uri("master").replace("token=site", "token=gone"),
                    }
                }
            )
        )
