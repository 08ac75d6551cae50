"""`/api/v1/status`: version, policy and record of the node that answers."""

import msgspec

from app import __version__
from app.api.operation import Asked, Operation
from app.audit.recorder import Recorder
from app.policy import Engine


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How this node is; `policy_problem` is empty when the active policies are in force."""

    version: str
    node: str
    policy_hash: str
    policy_problem: str
    policies: list[str]
    record_available: bool
    record_waiting: int


def operations(*, engine: Engine, recorder: Recorder) -> list[Operation]:
    """The table of this subject."""

    async def status(asked: Asked) -> Status:
        return Status(
            version=__version__, node=recorder.node, policy_hash=engine.snapshot.hash, policy_problem=engine.problem,
            policies=sorted(engine.snapshot.documents), record_available=recorder.available,
            record_waiting=recorder.waiting,
        )  # fmt: skip

    return [
        Operation(
            id="showStatus", method="GET", path="/api/v1/status", summary="Show how this node is",
            action="admin.status.show", kind="site", about="status", run=status, answer=Status,
        )
    ]  # fmt: skip
