"""The points by name, and the one that was asked for."""

if __debug__:
    import os
    import signal
    from itertools import count

    POINTS = {
        "corridor.before_intent": "decided, nothing written",
        "corridor.after_reserve": "budget held back, intent not written",
        "corridor.after_intent": "intent committed, nothing dispatched",
        "corridor.before_outcome": "dispatched, outcome not written",
        "corridor.after_outcome": "outcome committed, last byte not sent",
        "record.before_statement": "rows taken from the queue, nothing sent to the database",
        "record.before_commit": "contents and rows inserted, transaction open",
        "record.after_commit": "rows committed, nobody told",
        "record.before_boot": "the writer's connection is open, its boot not yet in the database",
        "record.after_boot": "the boot is in the database, nothing recorded",
        "recovery.before_lost": "an orphan was found, not closed",
        "recovery.after_lost": "some orphans are closed",
        "recovery.before_close": "all orphans are closed, the boot still counts as open",
        "seal.after_key": "the key of the log was made, the log has not begun",
        "seal.before_commit": "leaves, tiles and head written, transaction open",
        "seal.after_commit": "a head was committed, nothing of it is outside",
        "seal.after_publish": "a head is outside, the sealer has not gone on",
        "rotate.after_commit": "a new key was recorded, the old one still signs",
        "restore.after_commit": "a new tree has begun, nothing of it is outside",
        "witness.after_memory": "a checkpoint was remembered, its cosignature not sent",
        "sinks.after_send": "rows are with a sink, which has not acknowledged them",
        "sinks.before_cursors": "rows are acknowledged, the cursors not moved",
        "sinks.after_cursors": "the cursors are moved",
        "erase.after_forget": "the account is gone, the key of the person is there",
        "erase.before_commit": "key and name are destroyed, transaction open",
        "erase.after_commit": "key and name are destroyed, nothing says so",
        "erase.after_event": "the record says so, nobody remembers that it does",
        "erase.after_statement": "the record and the file outside say so, nobody remembers that they do",
        "retention.after_event": "the record says what will go, unsealed",
        "retention.after_seal": "the sealed record says what will go, the file outside does not",
        "retention.after_statement": "record and file say what will go, everything is there",
        "retention.after_removal": "the rows are gone, their contents are not looked at",
        "backup.after_write": "a backup is on the disk under its partial name, not read back",
        "backup.after_check": "a backup was read back, and has not its name",
        "restore.after_load": "the database of a restore is filled and declared, the data folder not in its place",
        "restore.after_order": "the order to put a restored data folder in its place is on the disk",
        "restore.between_moves": "some of a restored data folder is in its place",
        "major.after_copy": "a cluster of the newer PostgreSQL is filled, the old one in its place",
        "major.after_move": "the old cluster is out of its place, the newer one not in it",
        "migration.before_commit": "statements of a migration done, transaction open",
        "migration.after_commit": "one migration committed, the next not begun",
        "rekey.before_rewrap": "the new master key is kept at its source, nothing is sealed with it",
        "rekey.before_commit": "every data key has a new box, transaction open",
        "rekey.after_commit": "everything is sealed with the new master key, nobody told",
        "update.after_stage": "a medium is verified in incoming, nothing is in releases",
        "update.after_place": "a release has its folder, it has not unpacked or checked itself",
        "update.after_stop": "the server was stopped for a backup, which is not made",
        "update.after_backup": "the backup is made, the server is stopped, nothing says that an update is pending",
        "update.after_pending": "an update is pending, the old release still holds",
        "update.after_switch": "the new release holds, the old one runs",
        "update.after_start": "the new release was started, nobody judged it",
        "update.before_settle": "the new release is ready, the update still pending",
        "update.after_undo": "the old release holds again, the update still pending",
        "bundle.after_stage": "a bundle is verified beside its place",
        "bundle.after_place": "a bundle is in its place, its number not remembered",
    }
    """Name to the state that the crash leaves; a room adds its own."""

    VARIABLE = "SALLYPORT_CRASH_AT"

    def _wanted(given: str) -> tuple[str, int]:
        name, _, visit = given.partition(":")
        if given and (name not in POINTS or not (visit or "1").isdecimal()):
            raise SystemExit(f"{VARIABLE}: there is no point {given!r}; see app/core/crash/points.py.")
        return name, int(visit or "1")

    # Read once and counted here: a test build's own state, which the release does not have.
    _NAME, _VISIT = _wanted(os.environ.get(VARIABLE, ""))
    _visits = count(1)

    def at(point: str) -> None:
        """Die here by SIGKILL, without a last word, if this visit of this point was asked for."""
        if point == _NAME and next(_visits) == _VISIT:
            os.kill(os.getpid(), signal.SIGKILL)
