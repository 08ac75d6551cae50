"""Keys inside a PKCS#11 token: an HSM, a smart card, or SoftHSM.

TokenUri     which token, which keys, which library, whose PIN (RFC 7512)     (uri.py)
Token        the process that has the vendor's library loaded                 (token.py)
TokenSigner  a RecordSigner: Ed25519 keys that sign the record                (signer.py)
TokenSource  a MasterKeySource: AES and HMAC keys that seal secrets           (master.py)
The vendor's library is loaded by the host's own Python (assets/pkcs11/host.py), never into this process.
"""

from app.extensions.pkcs11.master import TokenSource
from app.extensions.pkcs11.signer import TokenSigner
from app.extensions.pkcs11.token import Token
from app.extensions.pkcs11.uri import TokenUri, parse_uri

__all__ = ["Token", "TokenSigner", "TokenSource", "TokenUri", "parse_uri"]
