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
