-- Persons in the record. Their values are sealed under a key of their own; destroying the key erases them, and no
-- hashed byte changes. The keys are wrapped by a key that is not in the database.

CREATE TABLE audit_subjects (
    subject uuid        PRIMARY KEY,
    account text        NOT NULL DEFAULT '',
    name    text,
    key     bytea,
    key_id  text        NOT NULL,
    created timestamptz NOT NULL,
    erased  timestamptz,
    erasure uuid,
    stated  jsonb,
    told    boolean     NOT NULL DEFAULT false,
    CHECK ((erased IS NULL) = (name IS NOT NULL AND key IS NOT NULL)),
    CHECK ((erased IS NULL) = (erasure IS NULL AND stated IS NULL))
);
CREATE UNIQUE INDEX audit_subjects_name ON audit_subjects (name) WHERE erased IS NULL;
CREATE INDEX audit_subjects_account ON audit_subjects (account) WHERE erased IS NOT NULL;
CREATE INDEX audit_subjects_erased ON audit_subjects (erased) WHERE erased IS NOT NULL;

-- Erased is for ever: no row leaves, and none comes back to life.
CREATE FUNCTION audit_subjects_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.erased IS NULL THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.erased IS NOT NULL AND NEW.name IS NULL AND NEW.key IS NULL THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'subjects are kept, and an erased one stays erased: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_subjects_kept BEFORE UPDATE OR DELETE ON audit_subjects
    FOR EACH ROW EXECUTE FUNCTION audit_subjects_refuse();
CREATE TRIGGER audit_subjects_no_truncate BEFORE TRUNCATE ON audit_subjects
    FOR EACH STATEMENT EXECUTE FUNCTION audit_subjects_refuse();

ALTER TABLE audit_events ADD COLUMN subject uuid, ADD COLUMN resource_subject uuid;

-- Called by the very statement that inserts sealed rows: none is written under a key that was destroyed. The shared
-- lock lasts until that statement commits; an erasure holds the other half of it while it destroys.
CREATE FUNCTION audit_subjects_guard(wanted uuid[]) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF cardinality(wanted) > 0 THEN
        PERFORM pg_advisory_xact_lock_shared(7305409313);
        IF EXISTS (SELECT FROM audit_subjects s WHERE s.subject = ANY (wanted) AND s.erased IS NOT NULL) THEN
            RAISE EXCEPTION 'the person whom this row is about was erased'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN true;
END $$;

-- The name of a person by joining; contents of persons' calls are sealed and are shown by the commands only.
CREATE OR REPLACE VIEW governance_decisions AS
SELECT i.time, i.id AS call_id, i.trace_id, i.door, i.action, i.resource_kind,
       coalesce(r.name, CASE WHEN r.erased IS NOT NULL THEN 'erased' END, i.resource) AS resource,
       i.actor_id, i.actor_kind,
       coalesce(s.name, CASE WHEN s.erased IS NOT NULL THEN 'erased' END, i.actor) AS actor,
       i.client, i.address, i.agent, i.session, i.credential,
       coalesce(i.decision, 'forbid') AS decision, i.reason, i.rule_ids, i.policy_hash,
       CASE WHEN i.kind = 'denial' THEN 'denied' ELSE coalesce(o.status, 'open') END AS status,
       o.latency_us, i.body -> 'arguments' AS arguments, i.subject, i.resource_subject
FROM audit_events i
LEFT JOIN audit_events o ON o.call = i.id AND o.kind IN ('outcome', 'lost')
LEFT JOIN audit_subjects s ON s.subject = i.subject
LEFT JOIN audit_subjects r ON r.subject = i.resource_subject
WHERE i.kind IN ('intent', 'denial');

CREATE OR REPLACE VIEW ai_requests AS
SELECT i.time, i.id AS call_id, i.trace_id, i.resource AS model,
       i.body -> 'details' ->> 'provider' AS provider, i.body -> 'details' ->> 'upstream_model' AS upstream_model,
       i.actor_id, i.actor_kind,
       coalesce(s.name, CASE WHEN s.erased IS NOT NULL THEN 'erased' END, i.actor) AS actor,
       i.client, i.address, i.agent, i.session, i.credential,
       coalesce(i.decision, 'forbid') AS decision, i.reason, i.rule_ids, i.policy_hash,
       CASE WHEN i.kind = 'denial' THEN 'denied' ELSE coalesce(o.status, 'open') END AS status,
       coalesce(o.input_tokens, 0) AS input_tokens, coalesce(o.output_tokens, 0) AS output_tokens,
       coalesce(o.cache_read_tokens, 0) AS cache_read_tokens, coalesce(o.cache_write_tokens, 0) AS cache_write_tokens,
       coalesce(o.reasoning_tokens, 0) AS reasoning_tokens, coalesce(o.microdollars, 0) AS microdollars,
       o.latency_us, i.body -> 'details' AS request, o.body -> 'result' AS response, o.body ->> 'error' AS error,
       i.subject
FROM audit_events i
LEFT JOIN audit_events o ON o.call = i.id AND o.kind IN ('outcome', 'lost')
LEFT JOIN audit_subjects s ON s.subject = i.subject
WHERE i.kind IN ('intent', 'denial') AND i.action = 'model.invoke';

CREATE OR REPLACE VIEW mcp_tool_executions AS
SELECT i.time, i.id AS call_id, i.trace_id,
       split_part(i.resource, '/', 1) AS server, substr(i.resource, strpos(i.resource, '/') + 1) AS tool,
       i.actor_id, i.actor_kind,
       coalesce(s.name, CASE WHEN s.erased IS NOT NULL THEN 'erased' END, i.actor) AS actor,
       i.client, i.address, i.agent, i.session, i.credential,
       coalesce(i.decision, 'forbid') AS decision, i.reason, i.rule_ids, i.policy_hash,
       CASE WHEN i.kind = 'denial' THEN 'denied' ELSE coalesce(o.status, 'open') END AS status,
       i.body -> 'arguments' AS arguments, o.body -> 'result' AS result, o.body ->> 'error' AS error, o.latency_us,
       i.subject
FROM audit_events i
LEFT JOIN audit_events o ON o.call = i.id AND o.kind IN ('outcome', 'lost')
LEFT JOIN audit_subjects s ON s.subject = i.subject
WHERE i.kind IN ('intent', 'denial') AND i.action = 'tool.call';

-- Legal holds: rows that fit every criterion given are neither removed nor erased until the hold is lifted.
CREATE TABLE audit_holds (
    hold          uuid        PRIMARY KEY,
    reason        text        NOT NULL,
    subject       uuid        REFERENCES audit_subjects,
    actor         text,
    trace_id      text,
    resource_kind text,
    resource      text,
    starts        timestamptz,
    ends          timestamptz,
    created       timestamptz NOT NULL,
    created_by    text        NOT NULL,
    lifted        timestamptz,
    lifted_by     text,
    CHECK (num_nonnulls(subject, actor, trace_id, resource, starts, ends) > 0),
    CHECK ((resource IS NULL) = (resource_kind IS NULL)),
    CHECK (starts IS NULL OR ends IS NULL OR starts < ends)
);

-- Whether a hold that stands covers this row by itself; whoever removes asks for every row of its call.
CREATE FUNCTION audit_row_held(e audit_events) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM audit_holds h
        WHERE h.lifted IS NULL
          AND (h.subject IS NULL OR h.subject IN (e.subject, e.resource_subject))
          AND (h.actor IS NULL OR h.actor = e.actor)
          AND (h.trace_id IS NULL OR h.trace_id = e.trace_id)
          AND (h.resource IS NULL OR (h.resource_kind, h.resource) = (e.resource_kind, e.resource))
          AND (h.starts IS NULL OR e.time >= h.starts)
          AND (h.ends IS NULL OR e.time < h.ends)
    )
$$;

-- Retention. Rows go only by `audit_remove`, under a statement that stands in the record and is sealed.

-- What a row counts as; `record` is never removed: it is what explains the rest.
CREATE FUNCTION audit_class(action text, actor_kind text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN action LIKE 'record.%' OR action IS NULL THEN 'record'
        WHEN actor_kind = 'anonymous' THEN 'anonymous'
        WHEN action LIKE 'admin.%' THEN 'admin'
        WHEN action IN ('audit.read', 'console.view') OR action LIKE '%.list' THEN 'reads'
        WHEN action LIKE 'model.%' THEN 'ai'
        WHEN action LIKE 'tool.%' OR action LIKE 'server.%' OR action LIKE 'resource.%' OR action LIKE 'prompt.%'
            THEN 'tools'
        ELSE 'rest'
    END
$$;

CREATE TABLE audit_removals (
    statement uuid        PRIMARY KEY,
    month     timestamptz NOT NULL,
    classes   text[]      NOT NULL,
    rows      bigint      NOT NULL,
    held      bigint      NOT NULL,
    removed   timestamptz NOT NULL,
    xid       xid8        NOT NULL,
    contents  text[]      NOT NULL DEFAULT '{}',
    swept     timestamptz
);
CREATE INDEX audit_removals_month ON audit_removals (month);

-- The append-only triggers, with the one door that `audit_remove` opens for its own transaction.
CREATE FUNCTION audit_events_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM audit_removals r
        WHERE r.xid = pg_current_xact_id() AND OLD.time >= r.month AND OLD.time < r.month + interval '1 month'
          AND audit_class(OLD.action, OLD.actor_kind) = ANY (r.classes)
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the record is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
DROP TRIGGER audit_events_append_only ON audit_events;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_kept();

CREATE FUNCTION audit_contents_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM audit_removals r WHERE r.xid = pg_current_xact_id() AND OLD.digest = ANY (r.contents)
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'contents of the record are kept: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_contents_append_only BEFORE UPDATE OR DELETE ON audit_contents
    FOR EACH ROW EXECUTE FUNCTION audit_contents_kept();
CREATE TRIGGER audit_contents_no_truncate BEFORE TRUNCATE ON audit_contents
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- Whether a row is a leaf already; only then may it go.
CREATE FUNCTION audit_is_sealed(wanted_boot uuid, wanted_seq bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM audit_cursors c WHERE c.boot = wanted_boot AND wanted_seq < c.seq)
$$;

-- Whether a hold covers a row or any other row of its call.
CREATE FUNCTION audit_call_held(wanted uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM audit_holds WHERE lifted IS NULL)
       AND EXISTS (SELECT FROM audit_events c WHERE c.call = wanted AND audit_row_held(c))
$$;

-- Remove what a sealed statement (a row `record.drop`) says, all of it or nothing. Returns how many rows went; 0 when
-- that was done before. The hashed bytes of the statement are read, and nothing that the caller says.
CREATE FUNCTION audit_remove(wanted uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
AS $$
DECLARE
    said     jsonb;
    month    timestamptz;
    classes  text[];
    part     regclass;
    went     bigint;
    due      text[];
BEGIN
    PERFORM pg_advisory_xact_lock(7305409314);
    SELECT convert_from(e.entry, 'UTF8')::jsonb -> 'body' INTO said FROM audit_events e
    WHERE e.id = wanted AND e.kind = 'event' AND e.action = 'record.drop' AND audit_is_sealed(e.boot, e.seq);
    IF said IS NULL THEN
        RAISE EXCEPTION 'no sealed statement % stands in the record', wanted USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT FROM audit_removals r WHERE r.statement = wanted) THEN
        RETURN 0;
    END IF;
    month := (said ->> 'month')::timestamptz;
    SELECT array_agg(c) INTO classes FROM jsonb_array_elements_text(said -> 'classes') AS c WHERE c <> 'record';
    INSERT INTO audit_removals (statement, month, classes, rows, held, removed, xid)
    VALUES (wanted, month, classes, (said ->> 'rows')::bigint, (said ->> 'held')::bigint, clock_timestamp(),
            pg_current_xact_id());

    CREATE TEMPORARY TABLE audit_going ON COMMIT DROP AS
    SELECT e.id, e.time, e.body -> 'contents' AS contents, e.body #>> '{arguments,sha256}' AS arguments,
           e.body #>> '{result,sha256}' AS result FROM (
        SELECT r.boot, r.seq + greatest((g ->> 0)::bigint - r.leaf, 0) AS first,
               r.seq + least((g ->> 1)::bigint - r.leaf, r.count) AS ends
        FROM jsonb_array_elements(said -> 'leaves') AS g
        JOIN audit_runs r ON r.epoch = (said ->> 'epoch')::integer
                         AND r.leaf < (g ->> 1)::bigint AND r.leaf + r.count > (g ->> 0)::bigint
    ) AS s
    JOIN audit_events e ON e.boot = s.boot AND e.seq >= s.first AND e.seq < s.ends
    WHERE e.time >= month AND e.time < month + interval '1 month'
      AND audit_class(e.action, e.actor_kind) = ANY (classes) AND audit_is_sealed(e.boot, e.seq)
      AND NOT audit_call_held(e.call);
    SELECT count(*) INTO went FROM audit_going;
    IF went <> (said ->> 'rows')::bigint THEN
        RAISE EXCEPTION 'statement % speaks of % rows, but % may go', wanted, said ->> 'rows', went
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT coalesce(array_agg(DISTINCT d.digest), '{}') INTO due FROM audit_going g
    CROSS JOIN LATERAL (
        SELECT jsonb_array_elements_text(g.contents) AS digest WHERE jsonb_typeof(g.contents) = 'array'
        UNION SELECT g.arguments UNION SELECT g.result
    ) AS d JOIN audit_contents c ON c.digest = d.digest;
    UPDATE audit_removals r SET contents = due WHERE r.statement = wanted;

    -- A month of which little stays goes as a table; what stays (the record's own rows, rows under hold) is put back as it
    -- was, into the default partition.
    part := to_regclass('audit_events_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM'));
    IF (said ->> 'whole')::boolean AND part IS NOT NULL THEN
        PERFORM set_config('lock_timeout', '2s', true);
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', part);
        CREATE TEMPORARY TABLE audit_staying ON COMMIT DROP AS
        SELECT e.* FROM audit_events e
        WHERE e.tableoid = part AND e.time >= month AND e.time < month + interval '1 month'
          AND NOT EXISTS (SELECT FROM audit_going g WHERE g.id = e.id);
        IF (SELECT count(*) FROM audit_staying) <= 10000 THEN
            EXECUTE format('DROP TABLE %s', part);
            INSERT INTO audit_events SELECT * FROM audit_staying;
        END IF;
    END IF;
    DELETE FROM audit_events e USING audit_going g WHERE e.id = g.id AND e.time = g.time;
    RETURN went;
END $$;

-- Remove contents that rows of this removal referred to and nothing refers to any more. `candidates` were looked for
-- before, without a lock; whoever came since (`since`, the id of a row) is looked at again under one.
CREATE FUNCTION audit_sweep(wanted uuid, candidates text[], since uuid) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER AS $$
DECLARE
    went bigint;
BEGIN
    LOCK TABLE audit_contents IN SHARE ROW EXCLUSIVE MODE;
    UPDATE audit_removals r SET swept = clock_timestamp(), xid = pg_current_xact_id()
    WHERE r.statement = wanted AND r.swept IS NULL;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    DELETE FROM audit_contents c USING audit_removals r
    WHERE r.statement = wanted AND c.digest = ANY (r.contents) AND c.digest = ANY (candidates)
      AND NOT EXISTS (
          SELECT FROM audit_events e
          WHERE e.id >= since AND (e.body -> 'contents' ? c.digest OR e.body #>> '{arguments,sha256}' = c.digest
                                   OR e.body #>> '{result,sha256}' = c.digest)
      );
    GET DIAGNOSTICS went = ROW_COUNT;
    RETURN went;
END $$;
REVOKE ALL ON FUNCTION audit_remove(uuid), audit_sweep(uuid, text[], uuid) FROM PUBLIC;

-- Run as their owner, they look up names in our schema only, and last where anybody may create.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION audit_remove(uuid) SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION audit_sweep(uuid, text[], uuid) SET search_path = %I, pg_temp', current_schema());
END $$;
