"""Where Sallyport can grow: every point is one small Protocol or Struct with its failure rule.

Route            a door's HTTP endpoint (route.py): an exception answers 500 and is logged; the call is refused.
Request, Response  what a short endpoint reads and answers (exchange.py), whichever server read it.
MasterKey(Source) what seals secrets (master_key.py): a failure denies; `serve` refuses to start.
RecordSigner     what signs the record's checkpoints (record_signer.py): a failure stops sealing with an alarm, never a key.
ToolProvider     tools inside this process (tool_provider.py): what it raises fails that one call and is logged.
Built-in doors and sources register through the same type as anybody's.
"""

from app.extensions.exchange import Answered, Fields, Request, Response, Stream
from app.extensions.master_key import KnownKey, MasterKey, MasterKeySource
from app.extensions.record_signer import RecordKey, RecordSigner
from app.extensions.route import Endpoint, Params, Route, ShortEndpoint
from app.extensions.tool_provider import Inquiry, Offer, Offered, ToolProvider, Wanted

__all__ = [
    "Answered",
    "Endpoint",
    "Fields",
    "Inquiry",
    "KnownKey",
    "MasterKey",
    "MasterKeySource",
    "Offer",
    "Offered",
    "Params",
    "RecordKey",
    "RecordSigner",
    "Request",
    "Response",
    "Route",
    "ShortEndpoint",
    "Stream",
    "ToolProvider",
    "Wanted",
]
