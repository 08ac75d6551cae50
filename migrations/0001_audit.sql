-- The record. One append-only table, partitioned by month; columns are derived from `entry`, the canonical
-- bytes that are hashed. No row is ever updated or deleted: triggers refuse it.

CREATE TABLE audit_events (
    id                 uuid        NOT NULL,
    time               timestamptz NOT NULL,
    kind               text        NOT NULL CHECK (kind IN ('intent', 'outcome', 'denial', 'lost', 'event')),
    call               uuid        NOT NULL,
    node               text        NOT NULL,
    boot               uuid        NOT NULL,
    seq                bigint      NOT NULL,
    trace_id           text,
    span_id            text,
    parent_id          text,
    door               text,
    action             text,
    resource_kind      text,
    resource           text,
    actor_id           text,
    actor_kind         text,
    actor              text,
    client             text,
    address            text,
    agent              text,
    session            text,
    credential         text,
    decision           text,
    reason             text,
    policy_hash        text,
    rule_ids           text[],
    status             text,
    input_tokens       bigint,
    output_tokens      bigint,
    cache_read_tokens  bigint,
    cache_write_tokens bigint,
    reasoning_tokens   bigint,
    microdollars       bigint,
    latency_us         bigint,
    body               jsonb,
    entry              bytea       NOT NULL CHECK (octet_length(entry) <= 65535),
    PRIMARY KEY (id, time)
) PARTITION BY RANGE (time);

CREATE INDEX audit_events_call ON audit_events (call);
CREATE INDEX audit_events_trace ON audit_events (trace_id) WHERE trace_id IS NOT NULL;

-- Rows outside every month's partition (a clock far off) are kept here rather than refused.
CREATE TABLE audit_events_default PARTITION OF audit_events DEFAULT;

-- Contents beyond the entry limit, by digest; entries refer to them.
CREATE TABLE audit_contents (
    digest  text        PRIMARY KEY,
    created timestamptz NOT NULL DEFAULT now(),
    bytes   bytea       NOT NULL
);

-- Each start of each writer; `closed` once its intents without outcome have been closed.
CREATE TABLE audit_boots (
    boot    uuid        PRIMARY KEY,
    node    text        NOT NULL,
    started timestamptz NOT NULL,
    closed  timestamptz
);

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the record is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- Make the partition of the month that holds `moment`, once.
CREATE FUNCTION audit_ensure_partition(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first timestamptz := date_trunc('month', moment AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    next  timestamptz := (date_trunc('month', moment AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    name  text := 'audit_events_' || to_char(moment AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    IF to_regclass(name) IS NULL
       AND NOT EXISTS (SELECT FROM audit_events_default d WHERE d.time >= first AND d.time < next) THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF audit_events FOR VALUES FROM (%L) TO (%L)', name, first, next);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()',
                       name || '_no_truncate', name);
    END IF;
END $$;

SELECT audit_ensure_partition(now());

-- What an auditor asks first. One row a call: the decision joined to what came of it.
CREATE VIEW governance_decisions AS
SELECT i.time, i.id AS call_id, i.trace_id, i.door, i.action, i.resource_kind, i.resource,
       i.actor_id, i.actor_kind, i.actor, i.client, i.address, i.agent, i.session, i.credential,
       coalesce(i.decision, 'forbid') AS decision, i.reason, i.rule_ids, i.policy_hash,
       CASE WHEN i.kind = 'denial' THEN 'denied' ELSE coalesce(o.status, 'open') END AS status,
       o.latency_us, i.body -> 'arguments' AS arguments
FROM audit_events i
LEFT JOIN audit_events o ON o.call = i.id AND o.kind IN ('outcome', 'lost')
WHERE i.kind IN ('intent', 'denial');

CREATE VIEW ai_requests AS
SELECT i.time, i.id AS call_id, i.trace_id, i.resource AS model,
       i.body -> 'details' ->> 'provider' AS provider, i.body -> 'details' ->> 'upstream_model' AS upstream_model,
       i.actor_id, i.actor_kind, i.actor, i.client, i.address, i.agent, i.session, i.credential,
       coalesce(i.decision, 'forbid') AS decision, i.reason, i.rule_ids, i.policy_hash,
       CASE WHEN i.kind = 'denial' THEN 'denied' ELSE coalesce(o.status, 'open') END AS status,
       coalesce(o.input_tokens, 0) AS input_tokens, coalesce(o.output_tokens, 0) AS output_tokens,
       coalesce(o.cache_read_tokens, 0) AS cache_read_tokens, coalesce(o.cache_write_tokens, 0) AS cache_write_tokens,
       coalesce(o.reasoning_tokens, 0) AS reasoning_tokens, coalesce(o.microdollars, 0) AS microdollars,
       o.latency_us, i.body -> 'details' AS request, o.body -> 'result' AS response, o.body ->> 'error' AS error
FROM audit_events i
LEFT JOIN audit_events o ON o.call = i.id AND o.kind IN ('outcome', 'lost')
WHERE i.kind IN ('intent', 'denial') AND i.action = 'model.invoke';

CREATE VIEW mcp_tool_executions AS
SELECT i.time, i.id AS call_id, i.trace_id,
       split_part(i.resource, '/', 1) AS server, substr(i.resource, strpos(i.resource, '/') + 1) AS tool,
       i.actor_id, i.actor_kind, i.actor, i.client, i.address, i.agent, i.session, i.credential,
       coalesce(i.decision, 'forbid') AS decision, i.reason, i.rule_ids, i.policy_hash,
       CASE WHEN i.kind = 'denial' THEN 'denied' ELSE coalesce(o.status, 'open') END AS status,
       i.body -> 'arguments' AS arguments, o.body -> 'result' AS result, o.body ->> 'error' AS error, o.latency_us
FROM audit_events i
LEFT JOIN audit_events o ON o.call = i.id AND o.kind IN ('outcome', 'lost')
WHERE i.kind IN ('intent', 'denial') AND i.action = 'tool.call';
