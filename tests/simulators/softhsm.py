"""Debian's SoftHSM as the token: `SALLYPORT_TEST_SOFTHSM` names a folder it was unpacked to, if it is not installed."""

import os
import shutil
import subprocess
from pathlib import Path

PIN = "1234abcd"
_ROOT = Path(os.environ.get("SALLYPORT_TEST_SOFTHSM", "/"))
MODULE = _ROOT / "usr/lib/softhsm/libsofthsm2.so"
_TOOLS = os.pathsep.join((str(_ROOT / "usr/bin"), os.environ.get("PATH", "")))


def missing() -> str:
    """Why there is no token here; empty when there is."""
    if not MODULE.exists() or not shutil.which("pkcs11-tool", path=_TOOLS):
        return "softhsm2 and opensc are not installed (Debian: apt-get install softhsm2 opensc)"
    return ""


class SoftHsm:
    """A token in a folder of its own; keys are made with OpenSC's tool, as its owner would."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "softhsm2.conf"
        (folder / "tokens").mkdir(parents=True)
        self.config.write_text(
            f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n", encoding="utf-8"
        )
        self.pin = folder / "pin"
        self.pin.write_text(PIN + "\n", encoding="utf-8")
        self.pin.chmod(0o600)
        self._tool("--init-token", "--slot-index", "0", "--so-pin", "12345678", "--label", "site")
        officer = ("--login", "--login-type", "so", "--so-pin", "12345678")
        self._tool("--token-label", "site", *officer, "--init-pin", "--new-pin", PIN)

    def make(self, kind: str, label: str, number: str) -> None:
        """`record`: an Ed25519 pair; `master`: an AES key and a generic secret."""
        common = ("--token-label", "site", "--login", "--pin", PIN, "--label", label, "--id", number)
        if kind == "record":
            self._tool("--keypairgen", "--key-type", "EC:edwards25519", *common)
            return
        self._tool("--keygen", "--key-type", "AES:32", *common)
        self._tool("--keygen", "--key-type", "GENERIC:32", "--usage-sign", *common)

    def uri(self, label: str) -> str:
        """Of the keys with this label."""
        return f"pkcs11:token=site;object={label}?module-path={MODULE}&pin-source=file:{self.pin}"

    def _tool(self, *words: str) -> None:
        libraries = ":".join(str(path) for path in sorted((_ROOT / "usr/lib").glob("*-linux-gnu*")))
        environment = {
            "PATH": _TOOLS,
            "SOFTHSM2_CONF": str(self.config),
            **({"LD_LIBRARY_PATH": libraries} if Path("/") != _ROOT else {}),
        }
        tool = shutil.which("pkcs11-tool", path=_TOOLS) or "pkcs11-tool"
        ended = subprocess.run(
            [tool, "--module", str(MODULE), *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if ended.returncode:
            raise RuntimeError(ended.stderr)
