-- Where the record is forwarded to. The record itself is the store: a sink has only a cursor for each boot, moved
-- on after the other side has acknowledged.

-- When the boot's writer last connected. A forwarder that saw the boot end before that looks again.
ALTER TABLE audit_boots ADD COLUMN connected timestamptz NOT NULL DEFAULT clock_timestamp();
CREATE INDEX audit_boots_connected ON audit_boots (connected);

CREATE TABLE audit_sinks (
    name         text        PRIMARY KEY,
    created      timestamptz NOT NULL DEFAULT now(),
    generation   bigint      NOT NULL DEFAULT 0,      -- raised when cursors are set back: older ones are void
    paused       boolean     NOT NULL DEFAULT false,
    behind       boolean     NOT NULL DEFAULT false,
    delivered    bigint      NOT NULL DEFAULT 0,
    delivered_at timestamptz,
    missing      bigint      NOT NULL DEFAULT 0,      -- rows that were gone before they could be forwarded
    refused      bigint      NOT NULL DEFAULT 0,      -- rows that the other side would not take and that were passed over
    error        text        NOT NULL DEFAULT '',
    error_at     timestamptz,
    state        jsonb       NOT NULL DEFAULT '{}'    -- the transport's own: a diode's last number and hash
);

CREATE TABLE audit_sink_cursors (
    sink  text   NOT NULL REFERENCES audit_sinks ON DELETE CASCADE,
    boot  uuid   NOT NULL,
    next  bigint NOT NULL,
    ended timestamptz,                                -- `connected` of the boot when it had ended with nothing left
    PRIMARY KEY (sink, boot)
);
