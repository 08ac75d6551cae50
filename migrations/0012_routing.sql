-- A call with several places says at its end where it came to; `attempts` are those that failed or were passed over.
CREATE OR REPLACE VIEW ai_requests AS
SELECT i.time, i.id AS call_id, i.trace_id, i.resource AS model,
       coalesce(o.body -> 'details' ->> 'provider', i.body -> 'details' ->> 'provider') AS provider,
       coalesce(o.body -> 'details' ->> 'upstream_model', i.body -> 'details' ->> 'upstream_model') AS upstream_model,
       i.actor_id, i.actor_kind,
       coalesce(s.name, CASE WHEN s.erased IS NOT NULL THEN 'erased' END, i.actor) AS actor,
       i.client, i.address, i.agent, i.session, i.credential,
       coalesce(i.decision, 'forbid') AS decision, i.reason, i.rule_ids, i.policy_hash,
       CASE WHEN i.kind = 'denial' THEN 'denied' ELSE coalesce(o.status, 'open') END AS status,
       coalesce(o.input_tokens, 0) AS input_tokens, coalesce(o.output_tokens, 0) AS output_tokens,
       coalesce(o.cache_read_tokens, 0) AS cache_read_tokens, coalesce(o.cache_write_tokens, 0) AS cache_write_tokens,
       coalesce(o.reasoning_tokens, 0) AS reasoning_tokens, coalesce(o.microdollars, 0) AS microdollars,
       o.latency_us, i.body -> 'details' AS request, o.body -> 'result' AS response, o.body ->> 'error' AS error,
       i.subject, o.body -> 'details' -> 'attempts' AS attempts
FROM audit_events i
LEFT JOIN audit_events o ON o.call = i.id AND o.kind IN ('outcome', 'lost')
LEFT JOIN audit_subjects s ON s.subject = i.subject
WHERE i.kind IN ('intent', 'denial') AND i.action = 'model.invoke';
