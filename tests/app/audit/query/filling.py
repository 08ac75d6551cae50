"""Records of any size, made by one statement: rows as the recorder writes them, over days, actors and tools."""

from datetime import UTC, datetime

import psycopg

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
"""When generated calls begin."""


def fill(database: str, *, calls: int, seconds: float, first: datetime = FIRST, node: str = "made") -> None:
    """So many calls, one every `seconds`; each 50th is denied, each 1000th lost, each 100th costs 5000.

    Actor `u0` … `u999`, tool `s0/t0` … `s9/t99`, agent `a0` … `a9`. The record's own triggers and columns hold; only
    `boot` and `seq` are made up.
    """
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(
            "SELECT audit_ensure_partition(%s::timestamptz + make_interval(secs => %s * n / 40.0)) FROM"
            " generate_series(0, 40) AS n",
            (first, calls * seconds),
        )
        conn.execute(
            """WITH made AS (
                SELECT n, t, kind, md5(n || 'call') AS noise, md5(n || kind) AS own,
                    floor(extract(epoch FROM t) * 1000)::bigint AS ms,
                    floor(extract(epoch FROM t + s) * 1000)::bigint AS own_ms, t + s AS time
                FROM (SELECT n, %(first)s::timestamptz + make_interval(secs => %(seconds)s * n) AS t
                    FROM generate_series(0, %(calls)s - 1) AS n) AS numbers,
                LATERAL (SELECT CASE WHEN n %% 50 = 0 THEN 'denial' ELSE 'intent' END AS kind, interval '0' AS s
                    UNION ALL SELECT CASE WHEN n %% 1000 = 1 THEN 'lost' ELSE 'outcome' END, interval '20 ms'
                    WHERE n %% 50 <> 0) AS kinds
            ), named AS (
                SELECT *, (lpad(to_hex(ms), 12, '0') || '7' || substr(noise, 1, 3) || '8' || substr(noise, 4, 15))::uuid
                    AS call,
                    (lpad(to_hex(own_ms), 12, '0') || '7' || substr(own, 1, 3) || '8' || substr(own, 4, 15))::uuid AS id
                FROM made
            ), entries AS (
                SELECT time, json_strip_nulls(json_build_object(
                    'id', CASE WHEN kind IN ('intent', 'denial') THEN call ELSE id END,
                    'time', to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'kind', kind,
                    'call', call, 'node', %(node)s::text, 'boot', '00000000-0000-4000-8000-000000000001', 'seq', n,
                    'trace_id', md5(n || 'trace'), 'span_id', substr(noise, 1, 16), 'action', 'tool.call',
                    'status', CASE kind WHEN 'lost' THEN 'lost' WHEN 'outcome' THEN 'ok' END,
                    'microdollars', CASE WHEN kind = 'outcome' AND n %% 100 = 2 THEN 5000 END,
                    'latency_us', CASE WHEN kind = 'outcome' THEN n %% 9000 END)) AS ended,
                    json_build_object('door', 'mcp', 'resource_kind', 'tool',
                    'resource', 's' || n %% 10 || '/t' || n %% 100, 'actor_id', 'id-' || n %% 1000,
                    'actor_kind', 'service', 'actor', 'u' || n %% 1000, 'client', 'bench/1', 'address', '10.0.0.1',
                    'agent', 'a' || n %% 10, 'session', md5('s' || n / 50), 'credential', 'k' || n %% 1000,
                    'decision', CASE kind WHEN 'denial' THEN 'forbid' ELSE 'permit' END,
                    'reason', CASE kind WHEN 'denial' THEN 'forbidden_by_rule' ELSE 'permitted_by_rule' END,
                    'policy_hash', md5('policy'), 'rule_ids', json_build_array('r' || n %% 7),
                    'body', json_build_object('arguments', json_build_object('id', 'T-' || n %% 500))) AS decided, kind
                FROM named
            ), merged AS (
                SELECT time, (CASE WHEN kind IN ('intent', 'denial')
                    THEN left(ended::text, -1) || ',' || substr(decided::text, 2) ELSE ended::text END)::json AS value
                FROM entries
            )
            INSERT INTO audit_events (id, time, kind, call, node, boot, seq, trace_id, span_id, door, action,
                resource_kind, resource, actor_id, actor_kind, actor, client, address, agent, session, credential,
                decision, reason, policy_hash, rule_ids, status, microdollars, latency_us, body, entry)
            SELECT r.id, r.time, r.kind, r.call, r.node, r.boot, r.seq, r.trace_id, r.span_id, r.door, r.action,
                r.resource_kind, r.resource, r.actor_id, r.actor_kind, r.actor, r.client, r.address, r.agent, r.session,
                r.credential, r.decision, r.reason, r.policy_hash, r.rule_ids, r.status, r.microdollars, r.latency_us,
                r.body, convert_to(value::text, 'UTF8')
            FROM merged, LATERAL json_to_record(value) AS r(id uuid, time timestamptz, kind text, call uuid, node text,
                boot uuid, seq bigint, trace_id text, span_id text, door text, action text, resource_kind text,
                resource text, actor_id text, actor_kind text, actor text, client text, address text, agent text,
                session text, credential text, decision text, reason text, policy_hash text, rule_ids text[], status text,
                microdollars bigint, latency_us bigint, body jsonb)""",
            {"first": first, "seconds": seconds, "calls": calls, "node": node},
        )
        conn.execute("ANALYZE audit_events")
