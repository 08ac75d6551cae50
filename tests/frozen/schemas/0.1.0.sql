-- version 0.1.0
-- key sp_hlpdt56dbd_BuBMtv_Jah2k8OJgzlBUsk_eERnwQo2e50J7nigY4AY
--
-- PostgreSQL database dump
--


-- Dumped from database version 18.4
-- Dumped by pg_dump version 18.4

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: audit_ensure_partition(timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.audit_ensure_partition(moment timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
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


--
-- Name: audit_refuse(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.audit_refuse() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the record is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;


--
-- Name: policy_refuse(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.policy_refuse() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'versions and activations of policies are kept: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: group_members; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.group_members (
    group_name text NOT NULL,
    principal uuid NOT NULL
);


--
-- Name: group_roles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.group_roles (
    group_name text NOT NULL,
    role text NOT NULL
);


--
-- Name: principal_roles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.principal_roles (
    principal uuid NOT NULL,
    role text NOT NULL
);


--
-- Name: principals; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.principals (
    id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    display_name text DEFAULT ''::text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    created timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    CONSTRAINT principals_kind_check CHECK ((kind = ANY (ARRAY['user'::text, 'service'::text, 'agent'::text]))),
    CONSTRAINT principals_name_check CHECK (((name = lower(name)) AND ((length(name) >= 1) AND (length(name) <= 64)))),
    CONSTRAINT principals_state_check CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text, 'deleted'::text])))
);


--
-- Name: accounts; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.accounts AS
 SELECT id,
    kind,
    name,
    display_name,
    state,
    created,
    created_by,
    ARRAY( SELECT r.role
           FROM public.principal_roles r
          WHERE (r.principal = p.id)
        UNION
         SELECT g.role
           FROM (public.group_roles g
             JOIN public.group_members m ON ((m.group_name = g.group_name)))
          WHERE (m.principal = p.id)
  ORDER BY 1) AS roles,
    ARRAY( SELECT m.group_name
           FROM public.group_members m
          WHERE (m.principal = p.id)
          ORDER BY m.group_name) AS groups
   FROM public.principals p;


--
-- Name: audit_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_events (
    id uuid NOT NULL,
    "time" timestamp with time zone NOT NULL,
    kind text NOT NULL,
    call uuid NOT NULL,
    node text NOT NULL,
    boot uuid NOT NULL,
    seq bigint NOT NULL,
    trace_id text,
    span_id text,
    parent_id text,
    door text,
    action text,
    resource_kind text,
    resource text,
    actor_id text,
    actor_kind text,
    actor text,
    client text,
    address text,
    agent text,
    session text,
    credential text,
    decision text,
    reason text,
    policy_hash text,
    rule_ids text[],
    status text,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    microdollars bigint,
    latency_us bigint,
    body jsonb,
    entry bytea NOT NULL,
    CONSTRAINT audit_events_entry_check CHECK ((octet_length(entry) <= 65535)),
    CONSTRAINT audit_events_kind_check CHECK ((kind = ANY (ARRAY['intent'::text, 'outcome'::text, 'denial'::text, 'lost'::text, 'event'::text])))
)
PARTITION BY RANGE ("time");


--
-- Name: ai_requests; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.ai_requests AS
 SELECT i."time",
    i.id AS call_id,
    i.trace_id,
    i.resource AS model,
    ((i.body -> 'details'::text) ->> 'provider'::text) AS provider,
    ((i.body -> 'details'::text) ->> 'upstream_model'::text) AS upstream_model,
    i.actor_id,
    i.actor_kind,
    i.actor,
    i.client,
    i.address,
    i.agent,
    i.session,
    i.credential,
    COALESCE(i.decision, 'forbid'::text) AS decision,
    i.reason,
    i.rule_ids,
    i.policy_hash,
        CASE
            WHEN (i.kind = 'denial'::text) THEN 'denied'::text
            ELSE COALESCE(o.status, 'open'::text)
        END AS status,
    COALESCE(o.input_tokens, (0)::bigint) AS input_tokens,
    COALESCE(o.output_tokens, (0)::bigint) AS output_tokens,
    COALESCE(o.cache_read_tokens, (0)::bigint) AS cache_read_tokens,
    COALESCE(o.cache_write_tokens, (0)::bigint) AS cache_write_tokens,
    COALESCE(o.reasoning_tokens, (0)::bigint) AS reasoning_tokens,
    COALESCE(o.microdollars, (0)::bigint) AS microdollars,
    o.latency_us,
    (i.body -> 'details'::text) AS request,
    (o.body -> 'result'::text) AS response,
    (o.body ->> 'error'::text) AS error
   FROM (public.audit_events i
     LEFT JOIN public.audit_events o ON (((o.call = i.id) AND (o.kind = ANY (ARRAY['outcome'::text, 'lost'::text])))))
  WHERE ((i.kind = ANY (ARRAY['intent'::text, 'denial'::text])) AND (i.action = 'model.invoke'::text));


--
-- Name: api_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_keys (
    prefix text NOT NULL,
    secret_hash bytea NOT NULL,
    owner uuid NOT NULL,
    label text DEFAULT ''::text NOT NULL,
    scopes text[],
    state text DEFAULT 'active'::text NOT NULL,
    created timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    expires timestamp with time zone,
    last_used timestamp with time zone,
    budget_microdollars bigint,
    budget_window text,
    CONSTRAINT api_keys_budget_microdollars_check CHECK ((budget_microdollars >= 0)),
    CONSTRAINT api_keys_budget_window_check CHECK ((budget_window = ANY (ARRAY['day'::text, 'month'::text, 'total'::text]))),
    CONSTRAINT api_keys_check CHECK (((budget_microdollars IS NULL) = (budget_window IS NULL))),
    CONSTRAINT api_keys_state_check CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text, 'revoked'::text])))
);


--
-- Name: audit_boots; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_boots (
    boot uuid NOT NULL,
    node text NOT NULL,
    started timestamp with time zone NOT NULL,
    closed timestamp with time zone
);


--
-- Name: audit_contents; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_contents (
    digest text NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    bytes bytea NOT NULL
);


--
-- Name: audit_events_2026_11; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_events_2026_11 (
    id uuid CONSTRAINT audit_events_id_not_null NOT NULL,
    "time" timestamp with time zone CONSTRAINT audit_events_time_not_null NOT NULL,
    kind text CONSTRAINT audit_events_kind_not_null NOT NULL,
    call uuid CONSTRAINT audit_events_call_not_null NOT NULL,
    node text CONSTRAINT audit_events_node_not_null NOT NULL,
    boot uuid CONSTRAINT audit_events_boot_not_null NOT NULL,
    seq bigint CONSTRAINT audit_events_seq_not_null NOT NULL,
    trace_id text,
    span_id text,
    parent_id text,
    door text,
    action text,
    resource_kind text,
    resource text,
    actor_id text,
    actor_kind text,
    actor text,
    client text,
    address text,
    agent text,
    session text,
    credential text,
    decision text,
    reason text,
    policy_hash text,
    rule_ids text[],
    status text,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    microdollars bigint,
    latency_us bigint,
    body jsonb,
    entry bytea CONSTRAINT audit_events_entry_not_null NOT NULL,
    CONSTRAINT audit_events_entry_check CHECK ((octet_length(entry) <= 65535)),
    CONSTRAINT audit_events_kind_check CHECK ((kind = ANY (ARRAY['intent'::text, 'outcome'::text, 'denial'::text, 'lost'::text, 'event'::text])))
);


--
-- Name: audit_events_2026_12; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_events_2026_12 (
    id uuid CONSTRAINT audit_events_id_not_null NOT NULL,
    "time" timestamp with time zone CONSTRAINT audit_events_time_not_null NOT NULL,
    kind text CONSTRAINT audit_events_kind_not_null NOT NULL,
    call uuid CONSTRAINT audit_events_call_not_null NOT NULL,
    node text CONSTRAINT audit_events_node_not_null NOT NULL,
    boot uuid CONSTRAINT audit_events_boot_not_null NOT NULL,
    seq bigint CONSTRAINT audit_events_seq_not_null NOT NULL,
    trace_id text,
    span_id text,
    parent_id text,
    door text,
    action text,
    resource_kind text,
    resource text,
    actor_id text,
    actor_kind text,
    actor text,
    client text,
    address text,
    agent text,
    session text,
    credential text,
    decision text,
    reason text,
    policy_hash text,
    rule_ids text[],
    status text,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    microdollars bigint,
    latency_us bigint,
    body jsonb,
    entry bytea CONSTRAINT audit_events_entry_not_null NOT NULL,
    CONSTRAINT audit_events_entry_check CHECK ((octet_length(entry) <= 65535)),
    CONSTRAINT audit_events_kind_check CHECK ((kind = ANY (ARRAY['intent'::text, 'outcome'::text, 'denial'::text, 'lost'::text, 'event'::text])))
);


--
-- Name: audit_events_2027_01; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_events_2027_01 (
    id uuid CONSTRAINT audit_events_id_not_null NOT NULL,
    "time" timestamp with time zone CONSTRAINT audit_events_time_not_null NOT NULL,
    kind text CONSTRAINT audit_events_kind_not_null NOT NULL,
    call uuid CONSTRAINT audit_events_call_not_null NOT NULL,
    node text CONSTRAINT audit_events_node_not_null NOT NULL,
    boot uuid CONSTRAINT audit_events_boot_not_null NOT NULL,
    seq bigint CONSTRAINT audit_events_seq_not_null NOT NULL,
    trace_id text,
    span_id text,
    parent_id text,
    door text,
    action text,
    resource_kind text,
    resource text,
    actor_id text,
    actor_kind text,
    actor text,
    client text,
    address text,
    agent text,
    session text,
    credential text,
    decision text,
    reason text,
    policy_hash text,
    rule_ids text[],
    status text,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    microdollars bigint,
    latency_us bigint,
    body jsonb,
    entry bytea CONSTRAINT audit_events_entry_not_null NOT NULL,
    CONSTRAINT audit_events_entry_check CHECK ((octet_length(entry) <= 65535)),
    CONSTRAINT audit_events_kind_check CHECK ((kind = ANY (ARRAY['intent'::text, 'outcome'::text, 'denial'::text, 'lost'::text, 'event'::text])))
);


--
-- Name: audit_events_default; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_events_default (
    id uuid CONSTRAINT audit_events_id_not_null NOT NULL,
    "time" timestamp with time zone CONSTRAINT audit_events_time_not_null NOT NULL,
    kind text CONSTRAINT audit_events_kind_not_null NOT NULL,
    call uuid CONSTRAINT audit_events_call_not_null NOT NULL,
    node text CONSTRAINT audit_events_node_not_null NOT NULL,
    boot uuid CONSTRAINT audit_events_boot_not_null NOT NULL,
    seq bigint CONSTRAINT audit_events_seq_not_null NOT NULL,
    trace_id text,
    span_id text,
    parent_id text,
    door text,
    action text,
    resource_kind text,
    resource text,
    actor_id text,
    actor_kind text,
    actor text,
    client text,
    address text,
    agent text,
    session text,
    credential text,
    decision text,
    reason text,
    policy_hash text,
    rule_ids text[],
    status text,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    microdollars bigint,
    latency_us bigint,
    body jsonb,
    entry bytea CONSTRAINT audit_events_entry_not_null NOT NULL,
    CONSTRAINT audit_events_entry_check CHECK ((octet_length(entry) <= 65535)),
    CONSTRAINT audit_events_kind_check CHECK ((kind = ANY (ARRAY['intent'::text, 'outcome'::text, 'denial'::text, 'lost'::text, 'event'::text])))
);


--
-- Name: budget_reservations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.budget_reservations (
    passage uuid NOT NULL,
    key text NOT NULL,
    starts date NOT NULL,
    microdollars bigint NOT NULL,
    created timestamp with time zone NOT NULL,
    settled bigint,
    CONSTRAINT budget_reservations_microdollars_check CHECK ((microdollars >= 0)),
    CONSTRAINT budget_reservations_settled_check CHECK ((settled >= 0))
);


--
-- Name: budget_windows; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.budget_windows (
    key text NOT NULL,
    starts date NOT NULL,
    spent bigint NOT NULL,
    reserved bigint NOT NULL,
    CONSTRAINT budget_windows_reserved_check CHECK ((reserved >= 0)),
    CONSTRAINT budget_windows_spent_check CHECK ((spent >= 0))
);


--
-- Name: governance_decisions; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.governance_decisions AS
 SELECT i."time",
    i.id AS call_id,
    i.trace_id,
    i.door,
    i.action,
    i.resource_kind,
    i.resource,
    i.actor_id,
    i.actor_kind,
    i.actor,
    i.client,
    i.address,
    i.agent,
    i.session,
    i.credential,
    COALESCE(i.decision, 'forbid'::text) AS decision,
    i.reason,
    i.rule_ids,
    i.policy_hash,
        CASE
            WHEN (i.kind = 'denial'::text) THEN 'denied'::text
            ELSE COALESCE(o.status, 'open'::text)
        END AS status,
    o.latency_us,
    (i.body -> 'arguments'::text) AS arguments
   FROM (public.audit_events i
     LEFT JOIN public.audit_events o ON (((o.call = i.id) AND (o.kind = ANY (ARRAY['outcome'::text, 'lost'::text])))))
  WHERE (i.kind = ANY (ARRAY['intent'::text, 'denial'::text]));


--
-- Name: groups; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.groups (
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    created timestamp with time zone NOT NULL,
    created_by text NOT NULL
);


--
-- Name: identity_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.identity_version (
    only_row boolean DEFAULT true NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT identity_version_only_row_check CHECK (only_row)
);


--
-- Name: mcp_tool_executions; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.mcp_tool_executions AS
 SELECT i."time",
    i.id AS call_id,
    i.trace_id,
    split_part(i.resource, '/'::text, 1) AS server,
    substr(i.resource, (strpos(i.resource, '/'::text) + 1)) AS tool,
    i.actor_id,
    i.actor_kind,
    i.actor,
    i.client,
    i.address,
    i.agent,
    i.session,
    i.credential,
    COALESCE(i.decision, 'forbid'::text) AS decision,
    i.reason,
    i.rule_ids,
    i.policy_hash,
        CASE
            WHEN (i.kind = 'denial'::text) THEN 'denied'::text
            ELSE COALESCE(o.status, 'open'::text)
        END AS status,
    (i.body -> 'arguments'::text) AS arguments,
    (o.body -> 'result'::text) AS result,
    (o.body ->> 'error'::text) AS error,
    o.latency_us
   FROM (public.audit_events i
     LEFT JOIN public.audit_events o ON (((o.call = i.id) AND (o.kind = ANY (ARRAY['outcome'::text, 'lost'::text])))))
  WHERE ((i.kind = ANY (ARRAY['intent'::text, 'denial'::text])) AND (i.action = 'tool.call'::text));


--
-- Name: passwords; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.passwords (
    principal uuid NOT NULL,
    phc text NOT NULL,
    changed timestamp with time zone NOT NULL
);


--
-- Name: policy_activations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.policy_activations (
    revision bigint NOT NULL,
    name text NOT NULL,
    version integer,
    author text NOT NULL,
    applied timestamp with time zone NOT NULL
);


--
-- Name: policy_active; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.policy_active (
    name text NOT NULL,
    version integer NOT NULL,
    applied timestamp with time zone NOT NULL,
    author text NOT NULL
);


--
-- Name: policy_revision; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.policy_revision (
    one boolean DEFAULT true NOT NULL,
    revision bigint NOT NULL,
    CONSTRAINT policy_revision_one_check CHECK (one)
);


--
-- Name: policy_versions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.policy_versions (
    name text NOT NULL,
    version integer NOT NULL,
    sha256 text NOT NULL,
    source text NOT NULL,
    author text NOT NULL,
    approver text,
    created timestamp with time zone NOT NULL,
    CONSTRAINT policy_versions_version_check CHECK ((version > 0))
);


--
-- Name: roles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.roles (
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    built_in boolean DEFAULT false NOT NULL
);


--
-- Name: schema_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    id uuid NOT NULL,
    secret_hash bytea NOT NULL,
    principal uuid NOT NULL,
    created timestamp with time zone NOT NULL,
    last_used timestamp with time zone NOT NULL,
    expires timestamp with time zone NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    client text DEFAULT ''::text NOT NULL
);


--
-- Name: setup_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.setup_tokens (
    secret_hash bytea NOT NULL,
    purpose text NOT NULL,
    principal uuid,
    created timestamp with time zone NOT NULL,
    expires timestamp with time zone NOT NULL,
    used timestamp with time zone,
    CONSTRAINT setup_tokens_check CHECK (((purpose = 'sign_in'::text) = (principal IS NOT NULL))),
    CONSTRAINT setup_tokens_purpose_check CHECK ((purpose = ANY (ARRAY['first_administrator'::text, 'sign_in'::text])))
);


--
-- Name: sign_in_attempts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sign_in_attempts (
    subject bytea NOT NULL,
    attempts integer NOT NULL,
    since timestamp with time zone NOT NULL
);


--
-- Name: audit_events_2026_11; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_events ATTACH PARTITION public.audit_events_2026_11 FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00');


--
-- Name: audit_events_2026_12; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_events ATTACH PARTITION public.audit_events_2026_12 FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');


--
-- Name: audit_events_2027_01; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_events ATTACH PARTITION public.audit_events_2027_01 FOR VALUES FROM ('2027-01-01 00:00:00+00') TO ('2027-02-01 00:00:00+00');


--
-- Name: audit_events_default; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_events ATTACH PARTITION public.audit_events_default DEFAULT;


--
-- Data for Name: api_keys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.api_keys VALUES ('hlpdt56dbd', '\x58f41b9bdb5fe4d5962ab5b382f85e2829dd8541e94b0ef2183fa3a7b40a6ba8', '01a1fe56-757f-7fb2-91d7-7137c5e18d79', '', NULL, 'active', '2026-11-21 13:40:41.889041+00', 'root', NULL, '2026-11-21 13:40:43.707165+00', NULL, NULL);
INSERT INTO public.api_keys VALUES ('32oqhobzft', '\x50281cc19e9f2ffa14af90e7ce8db12efb5c9418f133bb887919ab32f8f9b4ae', '01a1fe56-78a6-7a35-9c50-fc79b636760d', '', NULL, 'active', '2026-11-21 13:40:42.80817+00', 'root', NULL, '2026-11-21 13:40:43.707165+00', NULL, NULL);


--
-- Data for Name: audit_boots; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.audit_boots VALUES ('2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 'site', '2026-11-21 13:40:43.471787+00', NULL);
INSERT INTO public.audit_boots VALUES ('ccd68d0f-a0da-4679-95e3-ef3bfaa918c8', 'site', '2026-11-21 13:40:39.020519+00', '2026-11-21 13:40:43.48997+00');
INSERT INTO public.audit_boots VALUES ('baa7e21f-f2c7-4220-b5c9-bbe2e599fd05', 'site', '2026-11-21 13:40:39.741602+00', '2026-11-21 13:40:43.493058+00');
INSERT INTO public.audit_boots VALUES ('83023e57-5c28-4778-9241-832fa77e48d0', 'site', '2026-11-21 13:40:40.283468+00', '2026-11-21 13:40:43.494065+00');
INSERT INTO public.audit_boots VALUES ('04e7e39b-7d3b-4f0f-a82d-58698926ee56', 'site', '2026-11-21 13:40:40.812645+00', '2026-11-21 13:40:43.495049+00');
INSERT INTO public.audit_boots VALUES ('7d0b7867-8d00-47d8-b5de-a0c2e01f7c13', 'site', '2026-11-21 13:40:41.45179+00', '2026-11-21 13:40:43.495995+00');
INSERT INTO public.audit_boots VALUES ('2a5a3453-e677-4767-95e2-556e6dde2192', 'site', '2026-11-21 13:40:41.867594+00', '2026-11-21 13:40:43.497221+00');
INSERT INTO public.audit_boots VALUES ('3ea19334-d91c-41fd-b0e8-dfc8f1e94114', 'site', '2026-11-21 13:40:42.256569+00', '2026-11-21 13:40:43.498151+00');
INSERT INTO public.audit_boots VALUES ('e8afc8d4-0a3c-4473-8c0b-7b690a32bfdb', 'site', '2026-11-21 13:40:42.793795+00', '2026-11-21 13:40:43.499023+00');


--
-- Data for Name: audit_contents; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: audit_events_2026_11; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-6bfa-72d0-98af-b52f431832b6', '2026-11-21 13:40:39.034176+00', 'intent', '01a1fe56-6bfa-72d0-98af-b52f431832b6', 'site', 'ccd68d0f-a0da-4679-95e3-ef3bfaa918c8', 0, '6759214963c20f86d49bded397affbd9', '307760afb5683d19', NULL, 'cli', 'admin.group.create', 'group', 'engineering', 'uid:0', 'operator', 'root', 'sallyport', NULL, NULL, NULL, 'uid:0', 'permit', 'permitted_by_rule', 'sha256:baa2e3887d5fe011ca48dbe42fde72bd8b1c7ff8f59ee451be9ac9a138140db6', '{builtin/administrator-administers,builtin/operator-administers}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"arguments": {"description": "Engineers"}}', '\x7b22616374696f6e223a2261646d696e2e67726f75702e637265617465222c226163746f72223a22726f6f74222c226163746f725f6964223a227569643a30222c226163746f725f6b696e64223a226f70657261746f72222c22626f6479223a7b22617267756d656e7473223a7b226465736372697074696f6e223a22456e67696e65657273227d7d2c22626f6f74223a2263636436386430662d613064612d343637392d393565332d656633626661613931386338222c2263616c6c223a2230316131666535362d366266612d373264302d393861662d623532663433313833326236222c22636c69656e74223a2273616c6c79706f7274222c2263726564656e7469616c223a227569643a30222c226465636973696f6e223a227065726d6974222c22646f6f72223a22636c69222c226964223a2230316131666535362d366266612d373264302d393861662d623532663433313833326236222c226b696e64223a22696e74656e74222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a62616132653338383764356665303131636134386462653432666465373262643862316337666638663539656534353162653961633961313338313430646236222c22726561736f6e223a227065726d69747465645f62795f72756c65222c227265736f75726365223a22656e67696e656572696e67222c227265736f757263655f6b696e64223a2267726f7570222c2272756c655f696473223a5b226275696c74696e2f61646d696e6973747261746f722d61646d696e697374657273222c226275696c74696e2f6f70657261746f722d61646d696e697374657273225d2c22736571223a302c227370616e5f6964223a2233303737363061666235363833643139222c2274696d65223a22323032362d31312d32315431333a34303a33392e3033343137365a222c2274726163655f6964223a223637353932313439363363323066383664343962646564333937616666626439227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-6bfe-7e76-847b-a924143a0fd5', '2026-11-21 13:40:39.038904+00', 'outcome', '01a1fe56-6bfa-72d0-98af-b52f431832b6', 'site', 'ccd68d0f-a0da-4679-95e3-ef3bfaa918c8', 1, '6759214963c20f86d49bded397affbd9', '307760afb5683d19', NULL, NULL, 'admin.group.create', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ok', NULL, NULL, NULL, NULL, NULL, NULL, 4792, NULL, '\x7b22616374696f6e223a2261646d696e2e67726f75702e637265617465222c22626f6f74223a2263636436386430662d613064612d343637392d393565332d656633626661613931386338222c2263616c6c223a2230316131666535362d366266612d373264302d393861662d623532663433313833326236222c226964223a2230316131666535362d366266652d376537362d383437622d613932343134336130666435222c226b696e64223a226f7574636f6d65222c226c6174656e63795f7573223a343739322c226e6f6465223a2273697465222c22736571223a312c227370616e5f6964223a2233303737363061666235363833643139222c22737461747573223a226f6b222c2274696d65223a22323032362d31312d32315431333a34303a33392e3033383930345a222c2274726163655f6964223a223637353932313439363363323066383664343962646564333937616666626439227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-6ec6-71e7-a5cf-47b8fd092974', '2026-11-21 13:40:39.750119+00', 'intent', '01a1fe56-6ec6-71e7-a5cf-47b8fd092974', 'site', 'baa7e21f-f2c7-4220-b5c9-bbe2e599fd05', 0, '4647c31568395cb56ccb104f12c5e63b', 'b3f075a6c463410b', NULL, 'cli', 'admin.user.create', 'user', 'dora', 'uid:0', 'operator', 'root', 'sallyport', NULL, NULL, NULL, 'uid:0', 'permit', 'permitted_by_rule', 'sha256:baa2e3887d5fe011ca48dbe42fde72bd8b1c7ff8f59ee451be9ac9a138140db6', '{builtin/administrator-administers,builtin/operator-administers}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"arguments": {"roles": ["developer"], "groups": ["engineering"], "display_name": ""}}', '\x7b22616374696f6e223a2261646d696e2e757365722e637265617465222c226163746f72223a22726f6f74222c226163746f725f6964223a227569643a30222c226163746f725f6b696e64223a226f70657261746f72222c22626f6479223a7b22617267756d656e7473223a7b22646973706c61795f6e616d65223a22222c2267726f757073223a5b22656e67696e656572696e67225d2c22726f6c6573223a5b22646576656c6f706572225d7d7d2c22626f6f74223a2262616137653231662d663263372d343232302d623563392d626265326535393966643035222c2263616c6c223a2230316131666535362d366563362d373165372d613563662d343762386664303932393734222c22636c69656e74223a2273616c6c79706f7274222c2263726564656e7469616c223a227569643a30222c226465636973696f6e223a227065726d6974222c22646f6f72223a22636c69222c226964223a2230316131666535362d366563362d373165372d613563662d343762386664303932393734222c226b696e64223a22696e74656e74222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a62616132653338383764356665303131636134386462653432666465373262643862316337666638663539656534353162653961633961313338313430646236222c22726561736f6e223a227065726d69747465645f62795f72756c65222c227265736f75726365223a22646f7261222c227265736f757263655f6b696e64223a2275736572222c2272756c655f696473223a5b226275696c74696e2f61646d696e6973747261746f722d61646d696e697374657273222c226275696c74696e2f6f70657261746f722d61646d696e697374657273225d2c22736571223a302c227370616e5f6964223a2262336630373561366334363334313062222c2274696d65223a22323032362d31312d32315431333a34303a33392e3735303131395a222c2274726163655f6964223a223436343763333135363833393563623536636362313034663132633565363362227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-6ecd-7353-8671-985d788200b4', '2026-11-21 13:40:39.757208+00', 'outcome', '01a1fe56-6ec6-71e7-a5cf-47b8fd092974', 'site', 'baa7e21f-f2c7-4220-b5c9-bbe2e599fd05', 1, '4647c31568395cb56ccb104f12c5e63b', 'b3f075a6c463410b', NULL, NULL, 'admin.user.create', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ok', NULL, NULL, NULL, NULL, NULL, NULL, 7156, '{"result": {"id": "01a1fe56-6ec9-7516-ba42-63e15620f717"}}', '\x7b22616374696f6e223a2261646d696e2e757365722e637265617465222c22626f6479223a7b22726573756c74223a7b226964223a2230316131666535362d366563392d373531362d626134322d363365313536323066373137227d7d2c22626f6f74223a2262616137653231662d663263372d343232302d623563392d626265326535393966643035222c2263616c6c223a2230316131666535362d366563362d373165372d613563662d343762386664303932393734222c226964223a2230316131666535362d366563642d373335332d383637312d393835643738383230306234222c226b696e64223a226f7574636f6d65222c226c6174656e63795f7573223a373135362c226e6f6465223a2273697465222c22736571223a312c227370616e5f6964223a2262336630373561366334363334313062222c22737461747573223a226f6b222c2274696d65223a22323032362d31312d32315431333a34303a33392e3735373230385a222c2274726163655f6964223a223436343763333135363833393563623536636362313034663132633565363362227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-70ec-7716-9f37-3d6d707635fa', '2026-11-21 13:40:40.300443+00', 'intent', '01a1fe56-70ec-7716-9f37-3d6d707635fa', 'site', '83023e57-5c28-4778-9241-832fa77e48d0', 0, '8e6e78429f13ce86708d8398086f9afa', '5e2688ed6072d149', NULL, 'cli', 'admin.user.create', 'user', 'eve', 'uid:0', 'operator', 'root', 'sallyport', NULL, NULL, NULL, 'uid:0', 'permit', 'permitted_by_rule', 'sha256:baa2e3887d5fe011ca48dbe42fde72bd8b1c7ff8f59ee451be9ac9a138140db6', '{builtin/administrator-administers,builtin/operator-administers}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"arguments": {"roles": [], "groups": [], "display_name": ""}}', '\x7b22616374696f6e223a2261646d696e2e757365722e637265617465222c226163746f72223a22726f6f74222c226163746f725f6964223a227569643a30222c226163746f725f6b696e64223a226f70657261746f72222c22626f6479223a7b22617267756d656e7473223a7b22646973706c61795f6e616d65223a22222c2267726f757073223a5b5d2c22726f6c6573223a5b5d7d7d2c22626f6f74223a2238333032336535372d356332382d343737382d393234312d383332666137376534386430222c2263616c6c223a2230316131666535362d373065632d373731362d396633372d336436643730373633356661222c22636c69656e74223a2273616c6c79706f7274222c2263726564656e7469616c223a227569643a30222c226465636973696f6e223a227065726d6974222c22646f6f72223a22636c69222c226964223a2230316131666535362d373065632d373731362d396633372d336436643730373633356661222c226b696e64223a22696e74656e74222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a62616132653338383764356665303131636134386462653432666465373262643862316337666638663539656534353162653961633961313338313430646236222c22726561736f6e223a227065726d69747465645f62795f72756c65222c227265736f75726365223a22657665222c227265736f757263655f6b696e64223a2275736572222c2272756c655f696473223a5b226275696c74696e2f61646d696e6973747261746f722d61646d696e697374657273222c226275696c74696e2f6f70657261746f722d61646d696e697374657273225d2c22736571223a302c227370616e5f6964223a2235653236383865643630373264313439222c2274696d65223a22323032362d31312d32315431333a34303a34302e3330303434335a222c2274726163655f6964223a223865366537383432396631336365383637303864383339383038366639616661227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-70f7-78cc-9385-deaeec1da437', '2026-11-21 13:40:40.31155+00', 'outcome', '01a1fe56-70ec-7716-9f37-3d6d707635fa', 'site', '83023e57-5c28-4778-9241-832fa77e48d0', 1, '8e6e78429f13ce86708d8398086f9afa', '5e2688ed6072d149', NULL, NULL, 'admin.user.create', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ok', NULL, NULL, NULL, NULL, NULL, NULL, 11185, '{"result": {"id": "01a1fe56-70f3-7170-9532-6388d5c3f2b0"}}', '\x7b22616374696f6e223a2261646d696e2e757365722e637265617465222c22626f6479223a7b22726573756c74223a7b226964223a2230316131666535362d373066332d373137302d393533322d363338386435633366326230227d7d2c22626f6f74223a2238333032336535372d356332382d343737382d393234312d383332666137376534386430222c2263616c6c223a2230316131666535362d373065632d373731362d396633372d336436643730373633356661222c226964223a2230316131666535362d373066372d373863632d393338352d646561656563316461343337222c226b696e64223a226f7574636f6d65222c226c6174656e63795f7573223a31313138352c226e6f6465223a2273697465222c22736571223a312c227370616e5f6964223a2235653236383865643630373264313439222c22737461747573223a226f6b222c2274696d65223a22323032362d31312d32315431333a34303a34302e3331313535305a222c2274726163655f6964223a223865366537383432396631336365383637303864383339383038366639616661227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-72f8-75a9-9159-e102b6c42f9b', '2026-11-21 13:40:40.824354+00', 'intent', '01a1fe56-72f8-75a9-9159-e102b6c42f9b', 'site', '04e7e39b-7d3b-4f0f-a82d-58698926ee56', 0, '62a9e884dfdc9094c04ff86a9700231b', 'bc87198151bb0b95', NULL, 'cli', 'admin.user.disable', 'user', 'eve', 'uid:0', 'operator', 'root', 'sallyport', NULL, NULL, NULL, 'uid:0', 'permit', 'permitted_by_rule', 'sha256:baa2e3887d5fe011ca48dbe42fde72bd8b1c7ff8f59ee451be9ac9a138140db6', '{builtin/administrator-administers,builtin/operator-administers}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '\x7b22616374696f6e223a2261646d696e2e757365722e64697361626c65222c226163746f72223a22726f6f74222c226163746f725f6964223a227569643a30222c226163746f725f6b696e64223a226f70657261746f72222c22626f6f74223a2230346537653339622d376433622d346630662d613832642d353836393839323665653536222c2263616c6c223a2230316131666535362d373266382d373561392d393135392d653130326236633432663962222c22636c69656e74223a2273616c6c79706f7274222c2263726564656e7469616c223a227569643a30222c226465636973696f6e223a227065726d6974222c22646f6f72223a22636c69222c226964223a2230316131666535362d373266382d373561392d393135392d653130326236633432663962222c226b696e64223a22696e74656e74222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a62616132653338383764356665303131636134386462653432666465373262643862316337666638663539656534353162653961633961313338313430646236222c22726561736f6e223a227065726d69747465645f62795f72756c65222c227265736f75726365223a22657665222c227265736f757263655f6b696e64223a2275736572222c2272756c655f696473223a5b226275696c74696e2f61646d696e6973747261746f722d61646d696e697374657273222c226275696c74696e2f6f70657261746f722d61646d696e697374657273225d2c22736571223a302c227370616e5f6964223a2262633837313938313531626230623935222c2274696d65223a22323032362d31312d32315431333a34303a34302e3832343335345a222c2274726163655f6964223a223632613965383834646664633930393463303466663836613937303032333162227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7301-7558-bd86-8de78c775465', '2026-11-21 13:40:40.833334+00', 'outcome', '01a1fe56-72f8-75a9-9159-e102b6c42f9b', 'site', '04e7e39b-7d3b-4f0f-a82d-58698926ee56', 1, '62a9e884dfdc9094c04ff86a9700231b', 'bc87198151bb0b95', NULL, NULL, 'admin.user.disable', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ok', NULL, NULL, NULL, NULL, NULL, NULL, 9076, NULL, '\x7b22616374696f6e223a2261646d696e2e757365722e64697361626c65222c22626f6f74223a2230346537653339622d376433622d346630662d613832642d353836393839323665653536222c2263616c6c223a2230316131666535362d373266382d373561392d393135392d653130326236633432663962222c226964223a2230316131666535362d373330312d373535382d626438362d386465373863373735343635222c226b696e64223a226f7574636f6d65222c226c6174656e63795f7573223a393037362c226e6f6465223a2273697465222c22736571223a312c227370616e5f6964223a2262633837313938313531626230623935222c22737461747573223a226f6b222c2274696d65223a22323032362d31312d32315431333a34303a34302e3833333333345a222c2274726163655f6964223a223632613965383834646664633930393463303466663836613937303032333162227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7578-7f70-a7fc-cbb17759fa74', '2026-11-21 13:40:41.464965+00', 'intent', '01a1fe56-7578-7f70-a7fc-cbb17759fa74', 'site', '7d0b7867-8d00-47d8-b5de-a0c2e01f7c13', 0, '45cf7448d9a2c9d17cb7d9198a4c946f', '4fb1622defbd81e0', NULL, 'cli', 'admin.service.create', 'service', 'robot', 'uid:0', 'operator', 'root', 'sallyport', NULL, NULL, NULL, 'uid:0', 'permit', 'permitted_by_rule', 'sha256:baa2e3887d5fe011ca48dbe42fde72bd8b1c7ff8f59ee451be9ac9a138140db6', '{builtin/administrator-administers,builtin/operator-administers}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"arguments": {"roles": ["developer"], "groups": [], "display_name": ""}}', '\x7b22616374696f6e223a2261646d696e2e736572766963652e637265617465222c226163746f72223a22726f6f74222c226163746f725f6964223a227569643a30222c226163746f725f6b696e64223a226f70657261746f72222c22626f6479223a7b22617267756d656e7473223a7b22646973706c61795f6e616d65223a22222c2267726f757073223a5b5d2c22726f6c6573223a5b22646576656c6f706572225d7d7d2c22626f6f74223a2237643062373836372d386430302d343764382d623564652d613063326530316637633133222c2263616c6c223a2230316131666535362d373537382d376637302d613766632d636262313737353966613734222c22636c69656e74223a2273616c6c79706f7274222c2263726564656e7469616c223a227569643a30222c226465636973696f6e223a227065726d6974222c22646f6f72223a22636c69222c226964223a2230316131666535362d373537382d376637302d613766632d636262313737353966613734222c226b696e64223a22696e74656e74222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a62616132653338383764356665303131636134386462653432666465373262643862316337666638663539656534353162653961633961313338313430646236222c22726561736f6e223a227065726d69747465645f62795f72756c65222c227265736f75726365223a22726f626f74222c227265736f757263655f6b696e64223a2273657276696365222c2272756c655f696473223a5b226275696c74696e2f61646d696e6973747261746f722d61646d696e697374657273222c226275696c74696e2f6f70657261746f722d61646d696e697374657273225d2c22736571223a302c227370616e5f6964223a2234666231363232646566626438316530222c2274696d65223a22323032362d31312d32315431333a34303a34312e3436343936355a222c2274726163655f6964223a223435636637343438643961326339643137636237643931393861346339343666227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7585-7102-846d-96a7ae9487e6', '2026-11-21 13:40:41.477063+00', 'outcome', '01a1fe56-7578-7f70-a7fc-cbb17759fa74', 'site', '7d0b7867-8d00-47d8-b5de-a0c2e01f7c13', 1, '45cf7448d9a2c9d17cb7d9198a4c946f', '4fb1622defbd81e0', NULL, NULL, 'admin.service.create', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ok', NULL, NULL, NULL, NULL, NULL, NULL, 12176, '{"result": {"id": "01a1fe56-757f-7fb2-91d7-7137c5e18d79"}}', '\x7b22616374696f6e223a2261646d696e2e736572766963652e637265617465222c22626f6479223a7b22726573756c74223a7b226964223a2230316131666535362d373537662d376662322d393164372d373133376335653138643739227d7d2c22626f6f74223a2237643062373836372d386430302d343764382d623564652d613063326530316637633133222c2263616c6c223a2230316131666535362d373537382d376637302d613766632d636262313737353966613734222c226964223a2230316131666535362d373538352d373130322d383436642d393661376165393438376536222c226b696e64223a226f7574636f6d65222c226c6174656e63795f7573223a31323137362c226e6f6465223a2273697465222c22736571223a312c227370616e5f6964223a2234666231363232646566626438316530222c22737461747573223a226f6b222c2274696d65223a22323032362d31312d32315431333a34303a34312e3437373036335a222c2274726163655f6964223a223435636637343438643961326339643137636237643931393861346339343666227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-771e-7fbe-8c68-bc7f39ecc91c', '2026-11-21 13:40:41.886984+00', 'intent', '01a1fe56-771e-7fbe-8c68-bc7f39ecc91c', 'site', '2a5a3453-e677-4767-95e2-556e6dde2192', 0, 'a4fe149f2bc8ad30985da38215b14237', 'ac342c8f7fb84cc1', NULL, 'cli', 'admin.key.create', 'key', 'new', 'uid:0', 'operator', 'root', 'sallyport', NULL, NULL, NULL, 'uid:0', 'permit', 'permitted_by_rule', 'sha256:baa2e3887d5fe011ca48dbe42fde72bd8b1c7ff8f59ee451be9ac9a138140db6', '{builtin/administrator-administers,builtin/operator-administers}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"arguments": {"label": "", "owner": "robot", "budget": null, "scopes": [], "expires": null}}', '\x7b22616374696f6e223a2261646d696e2e6b65792e637265617465222c226163746f72223a22726f6f74222c226163746f725f6964223a227569643a30222c226163746f725f6b696e64223a226f70657261746f72222c22626f6479223a7b22617267756d656e7473223a7b22627564676574223a6e756c6c2c2265787069726573223a6e756c6c2c226c6162656c223a22222c226f776e6572223a22726f626f74222c2273636f706573223a5b5d7d7d2c22626f6f74223a2232613561333435332d653637372d343736372d393565322d353536653664646532313932222c2263616c6c223a2230316131666535362d373731652d376662652d386336382d626337663339656363393163222c22636c69656e74223a2273616c6c79706f7274222c2263726564656e7469616c223a227569643a30222c226465636973696f6e223a227065726d6974222c22646f6f72223a22636c69222c226964223a2230316131666535362d373731652d376662652d386336382d626337663339656363393163222c226b696e64223a22696e74656e74222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a62616132653338383764356665303131636134386462653432666465373262643862316337666638663539656534353162653961633961313338313430646236222c22726561736f6e223a227065726d69747465645f62795f72756c65222c227265736f75726365223a226e6577222c227265736f757263655f6b696e64223a226b6579222c2272756c655f696473223a5b226275696c74696e2f61646d696e6973747261746f722d61646d696e697374657273222c226275696c74696e2f6f70657261746f722d61646d696e697374657273225d2c22736571223a302c227370616e5f6964223a2261633334326338663766623834636331222c2274696d65223a22323032362d31312d32315431333a34303a34312e3838363938345a222c2274726163655f6964223a226134666531343966326263386164333039383564613338323135623134323337227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7728-7c9b-a81f-c5efeea1bd48', '2026-11-21 13:40:41.896788+00', 'outcome', '01a1fe56-771e-7fbe-8c68-bc7f39ecc91c', 'site', '2a5a3453-e677-4767-95e2-556e6dde2192', 1, 'a4fe149f2bc8ad30985da38215b14237', 'ac342c8f7fb84cc1', NULL, NULL, 'admin.key.create', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ok', NULL, NULL, NULL, NULL, NULL, NULL, 9896, '{"result": {"prefix": "hlpdt56dbd"}}', '\x7b22616374696f6e223a2261646d696e2e6b65792e637265617465222c22626f6479223a7b22726573756c74223a7b22707265666978223a22686c7064743536646264227d7d2c22626f6f74223a2232613561333435332d653637372d343736372d393565322d353536653664646532313932222c2263616c6c223a2230316131666535362d373731652d376662652d386336382d626337663339656363393163222c226964223a2230316131666535362d373732382d376339622d613831662d633565666565613162643438222c226b696e64223a226f7574636f6d65222c226c6174656e63795f7573223a393839362c226e6f6465223a2273697465222c22736571223a312c227370616e5f6964223a2261633334326338663766623834636331222c22737461747573223a226f6b222c2274696d65223a22323032362d31312d32315431333a34303a34312e3839363738385a222c2274726163655f6964223a226134666531343966326263386164333039383564613338323135623134323337227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-78a0-77c6-ad2e-68568c0b5783', '2026-11-21 13:40:42.272486+00', 'intent', '01a1fe56-78a0-77c6-ad2e-68568c0b5783', 'site', '3ea19334-d91c-41fd-b0e8-dfc8f1e94114', 0, '378d273d66828525d44a431d4b733a75', '1018a5c48c002258', NULL, 'cli', 'admin.service.create', 'service', 'reader', 'uid:0', 'operator', 'root', 'sallyport', NULL, NULL, NULL, 'uid:0', 'permit', 'permitted_by_rule', 'sha256:baa2e3887d5fe011ca48dbe42fde72bd8b1c7ff8f59ee451be9ac9a138140db6', '{builtin/administrator-administers,builtin/operator-administers}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"arguments": {"roles": ["auditor"], "groups": [], "display_name": ""}}', '\x7b22616374696f6e223a2261646d696e2e736572766963652e637265617465222c226163746f72223a22726f6f74222c226163746f725f6964223a227569643a30222c226163746f725f6b696e64223a226f70657261746f72222c22626f6479223a7b22617267756d656e7473223a7b22646973706c61795f6e616d65223a22222c2267726f757073223a5b5d2c22726f6c6573223a5b2261756469746f72225d7d7d2c22626f6f74223a2233656131393333342d643931632d343166642d623065382d646663386631653934313134222c2263616c6c223a2230316131666535362d373861302d373763362d616432652d363835363863306235373833222c22636c69656e74223a2273616c6c79706f7274222c2263726564656e7469616c223a227569643a30222c226465636973696f6e223a227065726d6974222c22646f6f72223a22636c69222c226964223a2230316131666535362d373861302d373763362d616432652d363835363863306235373833222c226b696e64223a22696e74656e74222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a62616132653338383764356665303131636134386462653432666465373262643862316337666638663539656534353162653961633961313338313430646236222c22726561736f6e223a227065726d69747465645f62795f72756c65222c227265736f75726365223a22726561646572222c227265736f757263655f6b696e64223a2273657276696365222c2272756c655f696473223a5b226275696c74696e2f61646d696e6973747261746f722d61646d696e697374657273222c226275696c74696e2f6f70657261746f722d61646d696e697374657273225d2c22736571223a302c227370616e5f6964223a2231303138613563343863303032323538222c2274696d65223a22323032362d31312d32315431333a34303a34322e3237323438365a222c2274726163655f6964223a223337386432373364363638323835323564343461343331643462373333613735227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-78b2-7614-9cc0-dd759c80eab4', '2026-11-21 13:40:42.29038+00', 'outcome', '01a1fe56-78a0-77c6-ad2e-68568c0b5783', 'site', '3ea19334-d91c-41fd-b0e8-dfc8f1e94114', 1, '378d273d66828525d44a431d4b733a75', '1018a5c48c002258', NULL, NULL, 'admin.service.create', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ok', NULL, NULL, NULL, NULL, NULL, NULL, 17970, '{"result": {"id": "01a1fe56-78a6-7a35-9c50-fc79b636760d"}}', '\x7b22616374696f6e223a2261646d696e2e736572766963652e637265617465222c22626f6479223a7b22726573756c74223a7b226964223a2230316131666535362d373861362d376133352d396335302d666337396236333637363064227d7d2c22626f6f74223a2233656131393333342d643931632d343166642d623065382d646663386631653934313134222c2263616c6c223a2230316131666535362d373861302d373763362d616432652d363835363863306235373833222c226964223a2230316131666535362d373862322d373631342d396363302d646437353963383065616234222c226b696e64223a226f7574636f6d65222c226c6174656e63795f7573223a31373937302c226e6f6465223a2273697465222c22736571223a312c227370616e5f6964223a2231303138613563343863303032323538222c22737461747573223a226f6b222c2274696d65223a22323032362d31312d32315431333a34303a34322e3239303338305a222c2274726163655f6964223a223337386432373364363638323835323564343461343331643462373333613735227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7ab5-79eb-a35d-a8acc7012530', '2026-11-21 13:40:42.80562+00', 'intent', '01a1fe56-7ab5-79eb-a35d-a8acc7012530', 'site', 'e8afc8d4-0a3c-4473-8c0b-7b690a32bfdb', 0, 'd0f1ac0f5ff404aef8c65c0e3d1d0777', '0000638bf23d2783', NULL, 'cli', 'admin.key.create', 'key', 'new', 'uid:0', 'operator', 'root', 'sallyport', NULL, NULL, NULL, 'uid:0', 'permit', 'permitted_by_rule', 'sha256:baa2e3887d5fe011ca48dbe42fde72bd8b1c7ff8f59ee451be9ac9a138140db6', '{builtin/administrator-administers,builtin/operator-administers}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"arguments": {"label": "", "owner": "reader", "budget": null, "scopes": [], "expires": null}}', '\x7b22616374696f6e223a2261646d696e2e6b65792e637265617465222c226163746f72223a22726f6f74222c226163746f725f6964223a227569643a30222c226163746f725f6b696e64223a226f70657261746f72222c22626f6479223a7b22617267756d656e7473223a7b22627564676574223a6e756c6c2c2265787069726573223a6e756c6c2c226c6162656c223a22222c226f776e6572223a22726561646572222c2273636f706573223a5b5d7d7d2c22626f6f74223a2265386166633864342d306133632d343437332d386330622d376236393061333262666462222c2263616c6c223a2230316131666535362d376162352d373965622d613335642d613861636337303132353330222c22636c69656e74223a2273616c6c79706f7274222c2263726564656e7469616c223a227569643a30222c226465636973696f6e223a227065726d6974222c22646f6f72223a22636c69222c226964223a2230316131666535362d376162352d373965622d613335642d613861636337303132353330222c226b696e64223a22696e74656e74222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a62616132653338383764356665303131636134386462653432666465373262643862316337666638663539656534353162653961633961313338313430646236222c22726561736f6e223a227065726d69747465645f62795f72756c65222c227265736f75726365223a226e6577222c227265736f757263655f6b696e64223a226b6579222c2272756c655f696473223a5b226275696c74696e2f61646d696e6973747261746f722d61646d696e697374657273222c226275696c74696e2f6f70657261746f722d61646d696e697374657273225d2c22736571223a302c227370616e5f6964223a2230303030363338626632336432373833222c2274696d65223a22323032362d31312d32315431333a34303a34322e3830353632305a222c2274726163655f6964223a226430663161633066356666343034616566386336356330653364316430373737227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7abd-7f8d-ae45-81f00deabf4e', '2026-11-21 13:40:42.813972+00', 'outcome', '01a1fe56-7ab5-79eb-a35d-a8acc7012530', 'site', 'e8afc8d4-0a3c-4473-8c0b-7b690a32bfdb', 1, 'd0f1ac0f5ff404aef8c65c0e3d1d0777', '0000638bf23d2783', NULL, NULL, 'admin.key.create', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ok', NULL, NULL, NULL, NULL, NULL, NULL, 8416, '{"result": {"prefix": "32oqhobzft"}}', '\x7b22616374696f6e223a2261646d696e2e6b65792e637265617465222c22626f6479223a7b22726573756c74223a7b22707265666978223a2233326f71686f627a6674227d7d2c22626f6f74223a2265386166633864342d306133632d343437332d386330622d376236393061333262666462222c2263616c6c223a2230316131666535362d376162352d373965622d613335642d613861636337303132353330222c226964223a2230316131666535362d376162642d376638642d616534352d383166303064656162663465222c226b696e64223a226f7574636f6d65222c226c6174656e63795f7573223a383431362c226e6f6465223a2273697465222c22736571223a312c227370616e5f6964223a2230303030363338626632336432373833222c22737461747573223a226f6b222c2274696d65223a22323032362d31312d32315431333a34303a34322e3831333937325a222c2274726163655f6964223a226430663161633066356666343034616566386336356330653364316430373737227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7d6f-76e9-ba6b-525c76b19f36', '2026-11-21 13:40:43.503432+00', 'intent', '01a1fe56-7d6f-76e9-ba6b-525c76b19f36', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 0, 'f85666de0afb97c9f9a81e69e2c1ae37', '2d33660d2d88c87f', NULL, 'server', 'admin.policy.apply', 'policy', 'starter', 'uid:0', 'operator', 'sallyport', 'sallyport', NULL, NULL, NULL, 'uid:0', 'permit', 'permitted_by_rule', 'sha256:baa2e3887d5fe011ca48dbe42fde72bd8b1c7ff8f59ee451be9ac9a138140db6', '{builtin/administrator-administers,builtin/operator-administers}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '\x7b22616374696f6e223a2261646d696e2e706f6c6963792e6170706c79222c226163746f72223a2273616c6c79706f7274222c226163746f725f6964223a227569643a30222c226163746f725f6b696e64223a226f70657261746f72222c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376436662d373665392d626136622d353235633736623139663336222c22636c69656e74223a2273616c6c79706f7274222c2263726564656e7469616c223a227569643a30222c226465636973696f6e223a227065726d6974222c22646f6f72223a22736572766572222c226964223a2230316131666535362d376436662d373665392d626136622d353235633736623139663336222c226b696e64223a22696e74656e74222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a62616132653338383764356665303131636134386462653432666465373262643862316337666638663539656534353162653961633961313338313430646236222c22726561736f6e223a227065726d69747465645f62795f72756c65222c227265736f75726365223a2273746172746572222c227265736f757263655f6b696e64223a22706f6c696379222c2272756c655f696473223a5b226275696c74696e2f61646d696e6973747261746f722d61646d696e697374657273222c226275696c74696e2f6f70657261746f722d61646d696e697374657273225d2c22736571223a302c227370616e5f6964223a2232643333363630643264383863383766222c2274696d65223a22323032362d31312d32315431333a34303a34332e3530333433325a222c2274726163655f6964223a226638353636366465306166623937633966396138316536396532633161653337227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7d7c-71a1-95e7-dc805574b880', '2026-11-21 13:40:43.516102+00', 'outcome', '01a1fe56-7d6f-76e9-ba6b-525c76b19f36', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 1, 'f85666de0afb97c9f9a81e69e2c1ae37', '2d33660d2d88c87f', NULL, NULL, 'admin.policy.apply', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ok', NULL, NULL, NULL, NULL, NULL, NULL, 12758, '{"result": {"sha256": "9cbeac43aa4ad4b649003261856aef4aa273162918d83f65020a4b9f0848b060"}}', '\x7b22616374696f6e223a2261646d696e2e706f6c6963792e6170706c79222c22626f6479223a7b22726573756c74223a7b22736861323536223a2239636265616334336161346164346236343930303332363138353661656634616132373331363239313864383366363530323061346239663038343862303630227d7d2c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376436662d373665392d626136622d353235633736623139663336222c226964223a2230316131666535362d376437632d373161312d393565372d646338303535373462383830222c226b696e64223a226f7574636f6d65222c226c6174656e63795f7573223a31323735382c226e6f6465223a2273697465222c22736571223a312c227370616e5f6964223a2232643333363630643264383863383766222c22737461747573223a226f6b222c2274696d65223a22323032362d31312d32315431333a34303a34332e3531363130325a222c2274726163655f6964223a226638353636366465306166623937633966396138316536396532633161653337227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7e0b-758d-9f91-b3613c629a96', '2026-11-21 13:40:43.659347+00', 'intent', '01a1fe56-7e0b-758d-9f91-b3613c629a96', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 2, '1c7f11cda1bc476063f666b3731a0210', 'da341bdca01ff27d', NULL, 'gateway', 'model.invoke', 'model', 'gpt', '01a1fe56-757f-7fb2-91d7-7137c5e18d79', 'service', 'robot', 'Python/3.11 aiohttp/3.14.5', '127.0.0.1', NULL, NULL, 'hlpdt56dbd', 'permit', 'permitted_by_rule', 'sha256:25656f1eccaca63362112a1ae749bcc97e1467055a57d931e6ab5a483e34b3a8', '{starter/developers-call-models}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"details": {"bytes": 68, "prices": "2026-11-1", "sha256": "48b40376f6186f32d4e22c38c46342be6cbefc7d4d07e3cc99f917e327a3ffc8", "stream": false, "dialect": "openai", "provider": "oai", "operation": "/chat/completions", "upstream_model": "gpt"}, "arguments": {"bytes": 62, "sha256": "sha256:035d1df30d89d23033509e148256f14fd1c5aeaffbf8c494edd4267f350544a4"}}', '\x7b22616374696f6e223a226d6f64656c2e696e766f6b65222c226163746f72223a22726f626f74222c226163746f725f6964223a2230316131666535362d373537662d376662322d393164372d373133376335653138643739222c226163746f725f6b696e64223a2273657276696365222c2261646472657373223a223132372e302e302e31222c22626f6479223a7b22617267756d656e7473223a7b226279746573223a36322c22736861323536223a227368613235363a30333564316466333064383964323330333335303965313438323536663134666431633561656166666266386334393465646434323637663335303534346134227d2c2264657461696c73223a7b226279746573223a36382c226469616c656374223a226f70656e6169222c226f7065726174696f6e223a222f636861742f636f6d706c6574696f6e73222c22707269636573223a22323032362d31312d31222c2270726f7669646572223a226f6169222c22736861323536223a2234386234303337366636313836663332643465323263333863343633343262653663626566633764346430376533636339396639313765333237613366666338222c2273747265616d223a66616c73652c22757073747265616d5f6d6f64656c223a22677074227d7d2c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376530622d373538642d396639312d623336313363363239613936222c22636c69656e74223a22507974686f6e2f332e31312061696f687474702f332e31342e35222c2263726564656e7469616c223a22686c7064743536646264222c226465636973696f6e223a227065726d6974222c22646f6f72223a2267617465776179222c226964223a2230316131666535362d376530622d373538642d396639312d623336313363363239613936222c226b696e64223a22696e74656e74222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a32353635366631656363616361363333363231313261316165373439626363393765313436373035356135376439333165366162356134383365333462336138222c22726561736f6e223a227065726d69747465645f62795f72756c65222c227265736f75726365223a22677074222c227265736f757263655f6b696e64223a226d6f64656c222c2272756c655f696473223a5b22737461727465722f646576656c6f706572732d63616c6c2d6d6f64656c73225d2c22736571223a322c227370616e5f6964223a2264613334316264636130316666323764222c2274696d65223a22323032362d31312d32315431333a34303a34332e3635393334375a222c2274726163655f6964223a223163376631316364613162633437363036336636363662333733316130323130227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7e0e-7c72-9713-ed89346fd42e', '2026-11-21 13:40:43.662778+00', 'outcome', '01a1fe56-7e0b-758d-9f91-b3613c629a96', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 3, '1c7f11cda1bc476063f666b3731a0210', 'da341bdca01ff27d', NULL, NULL, 'model.invoke', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ok', 18, 4, NULL, NULL, NULL, 38, 12440, '{"result": {"bytes": 51, "sha256": "sha256:b2d1c94b53997fae9678e8b7db38eb1819319bb50a70dc2e8e64a481cabc5af1"}}', '\x7b22616374696f6e223a226d6f64656c2e696e766f6b65222c22626f6479223a7b22726573756c74223a7b226279746573223a35312c22736861323536223a227368613235363a62326431633934623533393937666165393637386538623764623338656231383139333139626235306137306463326538653634613438316361626335616631227d7d2c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376530622d373538642d396639312d623336313363363239613936222c226964223a2230316131666535362d376530652d376337322d393731332d656438393334366664343265222c22696e7075745f746f6b656e73223a31382c226b696e64223a226f7574636f6d65222c226c6174656e63795f7573223a31323434302c226d6963726f646f6c6c617273223a33382c226e6f6465223a2273697465222c226f75747075745f746f6b656e73223a342c22736571223a332c227370616e5f6964223a2264613334316264636130316666323764222c22737461747573223a226f6b222c2274696d65223a22323032362d31312d32315431333a34303a34332e3636323737385a222c2274726163655f6964223a223163376631316364613162633437363036336636363662333733316130323130227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7e16-7693-986d-acd1daca6283', '2026-11-21 13:40:43.670411+00', 'denial', '01a1fe56-7e16-7693-986d-acd1daca6283', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 4, '4fa643e09e076906f7680dec43ccf2c4', 'bbf8866df06653b8', NULL, 'gateway', 'model.invoke', 'model', 'gpt', '01a1fe56-78a6-7a35-9c50-fc79b636760d', 'service', 'reader', 'Python/3.11 aiohttp/3.14.5', '127.0.0.1', NULL, NULL, '32oqhobzft', 'forbid', 'no_rule_permits', 'sha256:25656f1eccaca63362112a1ae749bcc97e1467055a57d931e6ab5a483e34b3a8', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"details": {"bytes": 68, "prices": "2026-11-1", "sha256": "48b40376f6186f32d4e22c38c46342be6cbefc7d4d07e3cc99f917e327a3ffc8", "stream": false, "dialect": "openai", "provider": "oai", "operation": "/chat/completions", "upstream_model": "gpt"}, "message": "Denied by default: rules permit model.invoke, but to other roles, groups or identities than those of service reader.", "arguments": {"bytes": 62, "sha256": "sha256:035d1df30d89d23033509e148256f14fd1c5aeaffbf8c494edd4267f350544a4"}}', '\x7b22616374696f6e223a226d6f64656c2e696e766f6b65222c226163746f72223a22726561646572222c226163746f725f6964223a2230316131666535362d373861362d376133352d396335302d666337396236333637363064222c226163746f725f6b696e64223a2273657276696365222c2261646472657373223a223132372e302e302e31222c22626f6479223a7b22617267756d656e7473223a7b226279746573223a36322c22736861323536223a227368613235363a30333564316466333064383964323330333335303965313438323536663134666431633561656166666266386334393465646434323637663335303534346134227d2c2264657461696c73223a7b226279746573223a36382c226469616c656374223a226f70656e6169222c226f7065726174696f6e223a222f636861742f636f6d706c6574696f6e73222c22707269636573223a22323032362d31312d31222c2270726f7669646572223a226f6169222c22736861323536223a2234386234303337366636313836663332643465323263333863343633343262653663626566633764346430376533636339396639313765333237613366666338222c2273747265616d223a66616c73652c22757073747265616d5f6d6f64656c223a22677074227d2c226d657373616765223a2244656e6965642062792064656661756c743a2072756c6573207065726d6974206d6f64656c2e696e766f6b652c2062757420746f206f7468657220726f6c65732c2067726f757073206f72206964656e746974696573207468616e2074686f7365206f662073657276696365207265616465722e227d2c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376531362d373639332d393836642d616364316461636136323833222c22636c69656e74223a22507974686f6e2f332e31312061696f687474702f332e31342e35222c2263726564656e7469616c223a2233326f71686f627a6674222c226465636973696f6e223a22666f72626964222c22646f6f72223a2267617465776179222c226964223a2230316131666535362d376531362d373639332d393836642d616364316461636136323833222c226b696e64223a2264656e69616c222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a32353635366631656363616361363333363231313261316165373439626363393765313436373035356135376439333165366162356134383365333462336138222c22726561736f6e223a226e6f5f72756c655f7065726d697473222c227265736f75726365223a22677074222c227265736f757263655f6b696e64223a226d6f64656c222c22736571223a342c227370616e5f6964223a2262626638383636646630363635336238222c2274696d65223a22323032362d31312d32315431333a34303a34332e3637303431315a222c2274726163655f6964223a223466613634336530396530373639303666373638306465633433636366326334227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7e1c-7c97-b271-91a53320f20a', '2026-11-21 13:40:43.676787+00', 'intent', '01a1fe56-7e1c-7c97-b271-91a53320f20a', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 5, '80a9dff0e4acf3a84408d5956475ee3c', '8dace46dec71ca74', NULL, 'gateway', 'model.invoke', 'model', 'gpt', '01a1fe56-757f-7fb2-91d7-7137c5e18d79', 'service', 'robot', 'Python/3.11 aiohttp/3.14.5', '127.0.0.1', NULL, NULL, 'hlpdt56dbd', 'permit', 'permitted_by_rule', 'sha256:25656f1eccaca63362112a1ae749bcc97e1467055a57d931e6ab5a483e34b3a8', '{starter/developers-call-models}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"details": {"bytes": 84, "prices": "2026-11-1", "sha256": "becc84b7435d787269058ba7314019a0bce652b12b4a4a56cb11cb2dcc735ccb", "stream": true, "dialect": "openai", "provider": "oai", "operation": "/chat/completions", "upstream_model": "gpt"}, "arguments": {"bytes": 76, "sha256": "sha256:ba87f489f03f89e9d8eb3d87a485cd6b063f4ebd3f375975c78aa92304433e5b"}}', '\x7b22616374696f6e223a226d6f64656c2e696e766f6b65222c226163746f72223a22726f626f74222c226163746f725f6964223a2230316131666535362d373537662d376662322d393164372d373133376335653138643739222c226163746f725f6b696e64223a2273657276696365222c2261646472657373223a223132372e302e302e31222c22626f6479223a7b22617267756d656e7473223a7b226279746573223a37362c22736861323536223a227368613235363a62613837663438396630336638396539643865623364383761343835636436623036336634656264336633373539373563373861613932333034343333653562227d2c2264657461696c73223a7b226279746573223a38342c226469616c656374223a226f70656e6169222c226f7065726174696f6e223a222f636861742f636f6d706c6574696f6e73222c22707269636573223a22323032362d31312d31222c2270726f7669646572223a226f6169222c22736861323536223a2262656363383462373433356437383732363930353862613733313430313961306263653635326231326234613461353663623131636232646363373335636362222c2273747265616d223a747275652c22757073747265616d5f6d6f64656c223a22677074227d7d2c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376531632d376339372d623237312d393161353333323066323061222c22636c69656e74223a22507974686f6e2f332e31312061696f687474702f332e31342e35222c2263726564656e7469616c223a22686c7064743536646264222c226465636973696f6e223a227065726d6974222c22646f6f72223a2267617465776179222c226964223a2230316131666535362d376531632d376339372d623237312d393161353333323066323061222c226b696e64223a22696e74656e74222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a32353635366631656363616361363333363231313261316165373439626363393765313436373035356135376439333165366162356134383365333462336138222c22726561736f6e223a227065726d69747465645f62795f72756c65222c227265736f75726365223a22677074222c227265736f757263655f6b696e64223a226d6f64656c222c2272756c655f696473223a5b22737461727465722f646576656c6f706572732d63616c6c2d6d6f64656c73225d2c22736571223a352c227370616e5f6964223a2238646163653436646563373163613734222c2274696d65223a22323032362d31312d32315431333a34303a34332e3637363738375a222c2274726163655f6964223a223830613964666630653461636633613834343038643539353634373565653363227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7e1f-797c-922f-242ab0784eab', '2026-11-21 13:40:43.679593+00', 'outcome', '01a1fe56-7e1c-7c97-b271-91a53320f20a', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 6, '80a9dff0e4acf3a84408d5956475ee3c', '8dace46dec71ca74', NULL, NULL, 'model.invoke', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ok', 22, 4, NULL, NULL, NULL, 42, 6989, '{"result": {"bytes": 51, "sha256": "sha256:b2d1c94b53997fae9678e8b7db38eb1819319bb50a70dc2e8e64a481cabc5af1"}, "usage_estimated": true}', '\x7b22616374696f6e223a226d6f64656c2e696e766f6b65222c22626f6479223a7b22726573756c74223a7b226279746573223a35312c22736861323536223a227368613235363a62326431633934623533393937666165393637386538623764623338656231383139333139626235306137306463326538653634613438316361626335616631227d2c2275736167655f657374696d61746564223a747275657d2c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376531632d376339372d623237312d393161353333323066323061222c226964223a2230316131666535362d376531662d373937632d393232662d323432616230373834656162222c22696e7075745f746f6b656e73223a32322c226b696e64223a226f7574636f6d65222c226c6174656e63795f7573223a363938392c226d6963726f646f6c6c617273223a34322c226e6f6465223a2273697465222c226f75747075745f746f6b656e73223a342c22736571223a362c227370616e5f6964223a2238646163653436646563373163613734222c22737461747573223a226f6b222c2274696d65223a22323032362d31312d32315431333a34303a34332e3637393539335a222c2274726163655f6964223a223830613964666630653461636633613834343038643539353634373565653363227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7e24-76bc-a153-9579929cf5fa', '2026-11-21 13:40:43.684421+00', 'denial', '01a1fe56-7e24-76bc-a153-9579929cf5fa', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 7, 'cfb8e8336f5b51b76099141e58dfc89c', '3f99abb1368c7031', NULL, 'gateway', 'model.invoke', 'model', 'gpt', '01a1fe56-78a6-7a35-9c50-fc79b636760d', 'service', 'reader', 'Python/3.11 aiohttp/3.14.5', '127.0.0.1', NULL, NULL, '32oqhobzft', 'forbid', 'no_rule_permits', 'sha256:25656f1eccaca63362112a1ae749bcc97e1467055a57d931e6ab5a483e34b3a8', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"details": {"bytes": 84, "prices": "2026-11-1", "sha256": "becc84b7435d787269058ba7314019a0bce652b12b4a4a56cb11cb2dcc735ccb", "stream": true, "dialect": "openai", "provider": "oai", "operation": "/chat/completions", "upstream_model": "gpt"}, "message": "Denied by default: rules permit model.invoke, but to other roles, groups or identities than those of service reader.", "arguments": {"bytes": 76, "sha256": "sha256:ba87f489f03f89e9d8eb3d87a485cd6b063f4ebd3f375975c78aa92304433e5b"}}', '\x7b22616374696f6e223a226d6f64656c2e696e766f6b65222c226163746f72223a22726561646572222c226163746f725f6964223a2230316131666535362d373861362d376133352d396335302d666337396236333637363064222c226163746f725f6b696e64223a2273657276696365222c2261646472657373223a223132372e302e302e31222c22626f6479223a7b22617267756d656e7473223a7b226279746573223a37362c22736861323536223a227368613235363a62613837663438396630336638396539643865623364383761343835636436623036336634656264336633373539373563373861613932333034343333653562227d2c2264657461696c73223a7b226279746573223a38342c226469616c656374223a226f70656e6169222c226f7065726174696f6e223a222f636861742f636f6d706c6574696f6e73222c22707269636573223a22323032362d31312d31222c2270726f7669646572223a226f6169222c22736861323536223a2262656363383462373433356437383732363930353862613733313430313961306263653635326231326234613461353663623131636232646363373335636362222c2273747265616d223a747275652c22757073747265616d5f6d6f64656c223a22677074227d2c226d657373616765223a2244656e6965642062792064656661756c743a2072756c6573207065726d6974206d6f64656c2e696e766f6b652c2062757420746f206f7468657220726f6c65732c2067726f757073206f72206964656e746974696573207468616e2074686f7365206f662073657276696365207265616465722e227d2c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376532342d373662632d613135332d393537393932396366356661222c22636c69656e74223a22507974686f6e2f332e31312061696f687474702f332e31342e35222c2263726564656e7469616c223a2233326f71686f627a6674222c226465636973696f6e223a22666f72626964222c22646f6f72223a2267617465776179222c226964223a2230316131666535362d376532342d373662632d613135332d393537393932396366356661222c226b696e64223a2264656e69616c222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a32353635366631656363616361363333363231313261316165373439626363393765313436373035356135376439333165366162356134383365333462336138222c22726561736f6e223a226e6f5f72756c655f7065726d697473222c227265736f75726365223a22677074222c227265736f757263655f6b696e64223a226d6f64656c222c22736571223a372c227370616e5f6964223a2233663939616262313336386337303331222c2274696d65223a22323032362d31312d32315431333a34303a34332e3638343432315a222c2274726163655f6964223a226366623865383333366635623531623736303939313431653538646663383963227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7e26-71c2-9cfd-8b38993df6ee', '2026-11-21 13:40:43.68611+00', 'intent', '01a1fe56-7e26-71c2-9cfd-8b38993df6ee', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 8, '1f0a595e8fb60e21a18f42db7f472aad', '997086905aba5e17', NULL, 'gateway', 'model.invoke', 'model', 'claude', '01a1fe56-757f-7fb2-91d7-7137c5e18d79', 'service', 'robot', 'Python/3.11 aiohttp/3.14.5', '127.0.0.1', NULL, NULL, 'hlpdt56dbd', 'permit', 'permitted_by_rule', 'sha256:25656f1eccaca63362112a1ae749bcc97e1467055a57d931e6ab5a483e34b3a8', '{starter/developers-call-models}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"details": {"bytes": 89, "prices": "2026-11-1", "sha256": "bba36f0376f7bca964ef9e65c11a41a363a8e5c74997106f4f7b2bf4f51641c9", "stream": false, "dialect": "anthropic", "provider": "ant", "operation": "/v1/messages", "max_tokens": 10, "upstream_model": "claude"}, "arguments": {"bytes": 81, "sha256": "sha256:bd008cf64a86ee329a6cfdf5a2edd7781af07129511996829cd09e4403ae3f9d"}}', '\x7b22616374696f6e223a226d6f64656c2e696e766f6b65222c226163746f72223a22726f626f74222c226163746f725f6964223a2230316131666535362d373537662d376662322d393164372d373133376335653138643739222c226163746f725f6b696e64223a2273657276696365222c2261646472657373223a223132372e302e302e31222c22626f6479223a7b22617267756d656e7473223a7b226279746573223a38312c22736861323536223a227368613235363a62643030386366363461383665653332396136636664663561326564643737383161663037313239353131393936383239636430396534343033616533663964227d2c2264657461696c73223a7b226279746573223a38392c226469616c656374223a22616e7468726f706963222c226d61785f746f6b656e73223a31302c226f7065726174696f6e223a222f76312f6d65737361676573222c22707269636573223a22323032362d31312d31222c2270726f7669646572223a22616e74222c22736861323536223a2262626133366630333736663762636139363465663965363563313161343161333633613865356337343939373130366634663762326266346635313634316339222c2273747265616d223a66616c73652c22757073747265616d5f6d6f64656c223a22636c61756465227d7d2c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376532362d373163322d396366642d386233383939336466366565222c22636c69656e74223a22507974686f6e2f332e31312061696f687474702f332e31342e35222c2263726564656e7469616c223a22686c7064743536646264222c226465636973696f6e223a227065726d6974222c22646f6f72223a2267617465776179222c226964223a2230316131666535362d376532362d373163322d396366642d386233383939336466366565222c226b696e64223a22696e74656e74222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a32353635366631656363616361363333363231313261316165373439626363393765313436373035356135376439333165366162356134383365333462336138222c22726561736f6e223a227065726d69747465645f62795f72756c65222c227265736f75726365223a22636c61756465222c227265736f757263655f6b696e64223a226d6f64656c222c2272756c655f696473223a5b22737461727465722f646576656c6f706572732d63616c6c2d6d6f64656c73225d2c22736571223a382c227370616e5f6964223a2239393730383639303561626135653137222c2274696d65223a22323032362d31312d32315431333a34303a34332e3638363131305a222c2274726163655f6964223a223166306135393565386662363065323161313866343264623766343732616164227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7e2c-72b0-a307-9cdf9f91626d', '2026-11-21 13:40:43.692168+00', 'outcome', '01a1fe56-7e26-71c2-9cfd-8b38993df6ee', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 9, '1f0a595e8fb60e21a18f42db7f472aad', '997086905aba5e17', NULL, NULL, 'model.invoke', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ok', 23, 4, NULL, NULL, NULL, 43, 6126, '{"result": {"bytes": 55, "sha256": "sha256:6afe412b15bb7206f7763b9d516388e9237310e5e3a91ac004bf34a027080200"}}', '\x7b22616374696f6e223a226d6f64656c2e696e766f6b65222c22626f6479223a7b22726573756c74223a7b226279746573223a35352c22736861323536223a227368613235363a36616665343132623135626237323036663737363362396435313633383865393233373331306535653361393161633030346266333461303237303830323030227d7d2c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376532362d373163322d396366642d386233383939336466366565222c226964223a2230316131666535362d376532632d373262302d613330372d396364663966393136323664222c22696e7075745f746f6b656e73223a32332c226b696e64223a226f7574636f6d65222c226c6174656e63795f7573223a363132362c226d6963726f646f6c6c617273223a34332c226e6f6465223a2273697465222c226f75747075745f746f6b656e73223a342c22736571223a392c227370616e5f6964223a2239393730383639303561626135653137222c22737461747573223a226f6b222c2274696d65223a22323032362d31312d32315431333a34303a34332e3639323136385a222c2274726163655f6964223a223166306135393565386662363065323161313866343264623766343732616164227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7e2d-7981-ab5c-2b6cd205526d', '2026-11-21 13:40:43.693594+00', 'denial', '01a1fe56-7e2d-7981-ab5c-2b6cd205526d', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 10, 'e085b12e25694b4617b6993c0d23c03a', '2d7b74683ffcaffd', NULL, 'gateway', 'model.invoke', 'model', 'claude', '01a1fe56-78a6-7a35-9c50-fc79b636760d', 'service', 'reader', 'Python/3.11 aiohttp/3.14.5', '127.0.0.1', NULL, NULL, '32oqhobzft', 'forbid', 'no_rule_permits', 'sha256:25656f1eccaca63362112a1ae749bcc97e1467055a57d931e6ab5a483e34b3a8', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"details": {"bytes": 89, "prices": "2026-11-1", "sha256": "bba36f0376f7bca964ef9e65c11a41a363a8e5c74997106f4f7b2bf4f51641c9", "stream": false, "dialect": "anthropic", "provider": "ant", "operation": "/v1/messages", "max_tokens": 10, "upstream_model": "claude"}, "message": "Denied by default: rules permit model.invoke, but to other roles, groups or identities than those of service reader.", "arguments": {"bytes": 81, "sha256": "sha256:bd008cf64a86ee329a6cfdf5a2edd7781af07129511996829cd09e4403ae3f9d"}}', '\x7b22616374696f6e223a226d6f64656c2e696e766f6b65222c226163746f72223a22726561646572222c226163746f725f6964223a2230316131666535362d373861362d376133352d396335302d666337396236333637363064222c226163746f725f6b696e64223a2273657276696365222c2261646472657373223a223132372e302e302e31222c22626f6479223a7b22617267756d656e7473223a7b226279746573223a38312c22736861323536223a227368613235363a62643030386366363461383665653332396136636664663561326564643737383161663037313239353131393936383239636430396534343033616533663964227d2c2264657461696c73223a7b226279746573223a38392c226469616c656374223a22616e7468726f706963222c226d61785f746f6b656e73223a31302c226f7065726174696f6e223a222f76312f6d65737361676573222c22707269636573223a22323032362d31312d31222c2270726f7669646572223a22616e74222c22736861323536223a2262626133366630333736663762636139363465663965363563313161343161333633613865356337343939373130366634663762326266346635313634316339222c2273747265616d223a66616c73652c22757073747265616d5f6d6f64656c223a22636c61756465227d2c226d657373616765223a2244656e6965642062792064656661756c743a2072756c6573207065726d6974206d6f64656c2e696e766f6b652c2062757420746f206f7468657220726f6c65732c2067726f757073206f72206964656e746974696573207468616e2074686f7365206f662073657276696365207265616465722e227d2c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376532642d373938312d616235632d326236636432303535323664222c22636c69656e74223a22507974686f6e2f332e31312061696f687474702f332e31342e35222c2263726564656e7469616c223a2233326f71686f627a6674222c226465636973696f6e223a22666f72626964222c22646f6f72223a2267617465776179222c226964223a2230316131666535362d376532642d373938312d616235632d326236636432303535323664222c226b696e64223a2264656e69616c222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a32353635366631656363616361363333363231313261316165373439626363393765313436373035356135376439333165366162356134383365333462336138222c22726561736f6e223a226e6f5f72756c655f7065726d697473222c227265736f75726365223a22636c61756465222c227265736f757263655f6b696e64223a226d6f64656c222c22736571223a31302c227370616e5f6964223a2232643762373436383366666361666664222c2274696d65223a22323032362d31312d32315431333a34303a34332e3639333539345a222c2274726163655f6964223a226530383562313265323536393462343631376236393933633064323363303361227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7e32-734b-bc1a-4e92ea7898c5', '2026-11-21 13:40:43.698206+00', 'intent', '01a1fe56-7e32-734b-bc1a-4e92ea7898c5', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 11, '9502240a2a8a7aacf1372560b30968e5', '5873e717b1e4fce5', NULL, 'mcp', 'tool.call', 'tool', 'sample/lookup_ticket', '01a1fe56-757f-7fb2-91d7-7137c5e18d79', 'service', 'robot', 'Python/3.11 aiohttp/3.14.5', '127.0.0.1', NULL, NULL, 'hlpdt56dbd', 'permit', 'permitted_by_rule', 'sha256:25656f1eccaca63362112a1ae749bcc97e1467055a57d931e6ab5a483e34b3a8', '{starter/developers-call-tools}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"details": {"era": "old", "method": "tools/call"}, "arguments": {"id": "T-1"}}', '\x7b22616374696f6e223a22746f6f6c2e63616c6c222c226163746f72223a22726f626f74222c226163746f725f6964223a2230316131666535362d373537662d376662322d393164372d373133376335653138643739222c226163746f725f6b696e64223a2273657276696365222c2261646472657373223a223132372e302e302e31222c22626f6479223a7b22617267756d656e7473223a7b226964223a22542d31227d2c2264657461696c73223a7b22657261223a226f6c64222c226d6574686f64223a22746f6f6c732f63616c6c227d7d2c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376533322d373334622d626331612d346539326561373839386335222c22636c69656e74223a22507974686f6e2f332e31312061696f687474702f332e31342e35222c2263726564656e7469616c223a22686c7064743536646264222c226465636973696f6e223a227065726d6974222c22646f6f72223a226d6370222c226964223a2230316131666535362d376533322d373334622d626331612d346539326561373839386335222c226b696e64223a22696e74656e74222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a32353635366631656363616361363333363231313261316165373439626363393765313436373035356135376439333165366162356134383365333462336138222c22726561736f6e223a227065726d69747465645f62795f72756c65222c227265736f75726365223a2273616d706c652f6c6f6f6b75705f7469636b6574222c227265736f757263655f6b696e64223a22746f6f6c222c2272756c655f696473223a5b22737461727465722f646576656c6f706572732d63616c6c2d746f6f6c73225d2c22736571223a31312c227370616e5f6964223a2235383733653731376231653466636535222c2274696d65223a22323032362d31312d32315431333a34303a34332e3639383230365a222c2274726163655f6964223a223935303232343061326138613761616366313337323536306233303936386535227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7e33-774b-9601-b147793fc1e9', '2026-11-21 13:40:43.699456+00', 'outcome', '01a1fe56-7e32-734b-bc1a-4e92ea7898c5', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 12, '9502240a2a8a7aacf1372560b30968e5', '5873e717b1e4fce5', NULL, NULL, 'tool.call', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ok', NULL, NULL, NULL, NULL, NULL, NULL, 1326, '{"result": {"content": [{"text": "T-1: Printer on floor 2 is out of toner (open, facilities)", "type": "text"}], "isError": false, "resultType": "complete", "structuredContent": {"id": "T-1", "owner": "facilities", "title": "Printer on floor 2 is out of toner", "status": "open"}}}', '\x7b22616374696f6e223a22746f6f6c2e63616c6c222c22626f6479223a7b22726573756c74223a7b22636f6e74656e74223a5b7b2274657874223a22542d313a205072696e746572206f6e20666c6f6f722032206973206f7574206f6620746f6e657220286f70656e2c20666163696c697469657329222c2274797065223a2274657874227d5d2c2269734572726f72223a66616c73652c22726573756c7454797065223a22636f6d706c657465222c2273747275637475726564436f6e74656e74223a7b226964223a22542d31222c226f776e6572223a22666163696c6974696573222c22737461747573223a226f70656e222c227469746c65223a225072696e746572206f6e20666c6f6f722032206973206f7574206f6620746f6e6572227d7d7d2c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376533322d373334622d626331612d346539326561373839386335222c226964223a2230316131666535362d376533332d373734622d393630312d623134373739336663316539222c226b696e64223a226f7574636f6d65222c226c6174656e63795f7573223a313332362c226e6f6465223a2273697465222c22736571223a31322c227370616e5f6964223a2235383733653731376231653466636535222c22737461747573223a226f6b222c2274696d65223a22323032362d31312d32315431333a34303a34332e3639393435365a222c2274726163655f6964223a223935303232343061326138613761616366313337323536306233303936386535227d');
INSERT INTO public.audit_events_2026_11 VALUES ('01a1fe56-7e34-7f60-905c-0994332e577a', '2026-11-21 13:40:43.700961+00', 'denial', '01a1fe56-7e34-7f60-905c-0994332e577a', 'site', '2fb43f85-7079-43c1-b396-8b4dd7bf0e36', 13, '4923dbec9f52fcf0554c0598466b0a68', 'e2c8d24b7b2425e7', NULL, 'mcp', 'tool.call', 'tool', 'sample/lookup_ticket', '01a1fe56-78a6-7a35-9c50-fc79b636760d', 'service', 'reader', 'Python/3.11 aiohttp/3.14.5', '127.0.0.1', NULL, NULL, '32oqhobzft', 'forbid', 'no_rule_permits', 'sha256:25656f1eccaca63362112a1ae749bcc97e1467055a57d931e6ab5a483e34b3a8', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"details": {"era": "old", "method": "tools/call"}, "message": "Denied by default: rules permit tool.call, but to other roles, groups or identities than those of service reader.", "arguments": {"id": "T-1"}}', '\x7b22616374696f6e223a22746f6f6c2e63616c6c222c226163746f72223a22726561646572222c226163746f725f6964223a2230316131666535362d373861362d376133352d396335302d666337396236333637363064222c226163746f725f6b696e64223a2273657276696365222c2261646472657373223a223132372e302e302e31222c22626f6479223a7b22617267756d656e7473223a7b226964223a22542d31227d2c2264657461696c73223a7b22657261223a226f6c64222c226d6574686f64223a22746f6f6c732f63616c6c227d2c226d657373616765223a2244656e6965642062792064656661756c743a2072756c6573207065726d697420746f6f6c2e63616c6c2c2062757420746f206f7468657220726f6c65732c2067726f757073206f72206964656e746974696573207468616e2074686f7365206f662073657276696365207265616465722e227d2c22626f6f74223a2232666234336638352d373037392d343363312d623339362d386234646437626630653336222c2263616c6c223a2230316131666535362d376533342d376636302d393035632d303939343333326535373761222c22636c69656e74223a22507974686f6e2f332e31312061696f687474702f332e31342e35222c2263726564656e7469616c223a2233326f71686f627a6674222c226465636973696f6e223a22666f72626964222c22646f6f72223a226d6370222c226964223a2230316131666535362d376533342d376636302d393035632d303939343333326535373761222c226b696e64223a2264656e69616c222c226e6f6465223a2273697465222c22706f6c6963795f68617368223a227368613235363a32353635366631656363616361363333363231313261316165373439626363393765313436373035356135376439333165366162356134383365333462336138222c22726561736f6e223a226e6f5f72756c655f7065726d697473222c227265736f75726365223a2273616d706c652f6c6f6f6b75705f7469636b6574222c227265736f757263655f6b696e64223a22746f6f6c222c22736571223a31332c227370616e5f6964223a2265326338643234623762323432356537222c2274696d65223a22323032362d31312d32315431333a34303a34332e3730303936315a222c2274726163655f6964223a223439323364626563396635326663663035353463303539383436366230613638227d');


--
-- Data for Name: audit_events_2026_12; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: audit_events_2027_01; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: audit_events_default; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: budget_reservations; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: budget_windows; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: group_members; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.group_members VALUES ('engineering', '01a1fe56-6ec9-7516-ba42-63e15620f717');


--
-- Data for Name: group_roles; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: groups; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.groups VALUES ('engineering', 'Engineers', '2026-11-21 13:40:39.03746+00', 'root');


--
-- Data for Name: identity_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.identity_version VALUES (true, 10);


--
-- Data for Name: passwords; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: policy_activations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.policy_activations VALUES (1, 'starter', 1, 'operator:sallyport', '2026-11-21 13:40:43.513324+00');


--
-- Data for Name: policy_active; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.policy_active VALUES ('starter', 1, '2026-11-21 13:40:43.513324+00', 'operator:sallyport');


--
-- Data for Name: policy_revision; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.policy_revision VALUES (true, 1);


--
-- Data for Name: policy_versions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.policy_versions VALUES ('starter', 1, '9cbeac43aa4ad4b649003261856aef4aa273162918d83f65020a4b9f0848b060', '# Applied by the first-run set-up. Change it with `sallyport policy apply FILE`; every version is kept.
policy: starter
description: Developers work with models and tools; whatever is not permitted here stays denied.
rules:
  - id: developers-call-models
    effect: permit
    who: {roles: [developer]}
    actions: [model.invoke]
    models: ["*"]
  - id: developers-use-returned-tools
    effect: permit
    who: {roles: [developer]}
    actions: [tool.use]
    tools: ["client/*"]
    reason: Tools that a model asks the developer''s own client to run.
  - id: developers-call-tools
    effect: permit
    who: {roles: [developer]}
    actions: [tool.call]
    tools: ["*"]
  - id: developers-read-resources
    effect: permit
    who: {roles: [developer]}
    actions: [resource.read, prompt.get]

tests:
  - name: a developer calls a model
    given: {user: dora, roles: [developer], action: model.invoke, model: any-model}
    expect: permit
    rule: developers-call-models
  - name: a developer calls a tool
    given: {user: dora, roles: [developer], action: tool.call, tool: files/read, arguments: {path: /srv/a}}
    expect: permit
  - name: a tool that a model returned may be used
    given: {user: dora, roles: [developer], action: tool.use, tool: client/Bash}
    expect: permit
  - name: a service account with the role works like a developer
    given: {service: ci, roles: [developer], action: model.invoke, model: any-model}
    expect: permit
  - name: without the role nothing is permitted
    given: {user: vera, action: model.invoke, model: any-model}
    expect: forbid
  - name: a developer does not administer
    given: {user: dora, roles: [developer], action: admin.user.create, object: "user:eve"}
    expect: forbid
', 'operator:sallyport', NULL, '2026-11-21 13:40:43.511728+00');


--
-- Data for Name: principal_roles; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.principal_roles VALUES ('01a1fe56-6ec9-7516-ba42-63e15620f717', 'developer');
INSERT INTO public.principal_roles VALUES ('01a1fe56-757f-7fb2-91d7-7137c5e18d79', 'developer');
INSERT INTO public.principal_roles VALUES ('01a1fe56-78a6-7a35-9c50-fc79b636760d', 'auditor');


--
-- Data for Name: principals; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.principals VALUES ('01a1fe56-6ec9-7516-ba42-63e15620f717', 'user', 'dora', '', 'active', '2026-11-21 13:40:39.753312+00', 'root');
INSERT INTO public.principals VALUES ('01a1fe56-70f3-7170-9532-6388d5c3f2b0', 'user', 'eve', '', 'disabled', '2026-11-21 13:40:40.307083+00', 'root');
INSERT INTO public.principals VALUES ('01a1fe56-757f-7fb2-91d7-7137c5e18d79', 'service', 'robot', '', 'active', '2026-11-21 13:40:41.471972+00', 'root');
INSERT INTO public.principals VALUES ('01a1fe56-78a6-7a35-9c50-fc79b636760d', 'service', 'reader', '', 'active', '2026-11-21 13:40:42.278631+00', 'root');


--
-- Data for Name: roles; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.roles VALUES ('administrator', 'Runs the site: identities, policies, settings', true);
INSERT INTO public.roles VALUES ('auditor', 'Reads the record and everything that explains it', true);
INSERT INTO public.roles VALUES ('developer', 'Uses models and tools from programs and coding agents', true);
INSERT INTO public.roles VALUES ('user', 'Uses models', true);


--
-- Data for Name: schema_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.schema_migrations VALUES (1, 'audit', '75df6ca3c2261b606fbfe0e07b2f544050dc2c5b5b06360b48cf4f716a7f9ddb', '2026-11-21 13:40:38.983713+00');
INSERT INTO public.schema_migrations VALUES (2, 'identity', 'e6903c2718f9b3bf6ceb43a3bb641e038b6867d8995382f8d7d63b42c7b1c472', '2026-11-21 13:40:38.994016+00');
INSERT INTO public.schema_migrations VALUES (3, 'policy', '77ef7f51f16f4a7a172f17f0074dc38ffee9dce567a58d48e786f013aed4aaca', '2026-11-21 13:40:39.008244+00');


--
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: setup_tokens; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.setup_tokens VALUES ('\x98192cec57c3adf242535ad7586e506b452440f238cd459fa3d16ea1d7f08569', 'first_administrator', NULL, '2026-11-21 13:40:43.584515+00', '2026-11-22 13:40:43.584515+00', NULL);


--
-- Data for Name: sign_in_attempts; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Name: api_keys api_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (prefix);


--
-- Name: audit_boots audit_boots_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_boots
    ADD CONSTRAINT audit_boots_pkey PRIMARY KEY (boot);


--
-- Name: audit_contents audit_contents_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_contents
    ADD CONSTRAINT audit_contents_pkey PRIMARY KEY (digest);


--
-- Name: audit_events audit_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id, "time");


--
-- Name: audit_events_2026_11 audit_events_2026_11_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_events_2026_11
    ADD CONSTRAINT audit_events_2026_11_pkey PRIMARY KEY (id, "time");


--
-- Name: audit_events_2026_12 audit_events_2026_12_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_events_2026_12
    ADD CONSTRAINT audit_events_2026_12_pkey PRIMARY KEY (id, "time");


--
-- Name: audit_events_2027_01 audit_events_2027_01_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_events_2027_01
    ADD CONSTRAINT audit_events_2027_01_pkey PRIMARY KEY (id, "time");


--
-- Name: audit_events_default audit_events_default_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_events_default
    ADD CONSTRAINT audit_events_default_pkey PRIMARY KEY (id, "time");


--
-- Name: budget_reservations budget_reservations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.budget_reservations
    ADD CONSTRAINT budget_reservations_pkey PRIMARY KEY (passage);


--
-- Name: budget_windows budget_windows_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.budget_windows
    ADD CONSTRAINT budget_windows_pkey PRIMARY KEY (key, starts);


--
-- Name: group_members group_members_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.group_members
    ADD CONSTRAINT group_members_pkey PRIMARY KEY (principal, group_name);


--
-- Name: group_roles group_roles_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.group_roles
    ADD CONSTRAINT group_roles_pkey PRIMARY KEY (group_name, role);


--
-- Name: groups groups_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.groups
    ADD CONSTRAINT groups_pkey PRIMARY KEY (name);


--
-- Name: identity_version identity_version_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.identity_version
    ADD CONSTRAINT identity_version_pkey PRIMARY KEY (only_row);


--
-- Name: passwords passwords_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.passwords
    ADD CONSTRAINT passwords_pkey PRIMARY KEY (principal);


--
-- Name: policy_activations policy_activations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policy_activations
    ADD CONSTRAINT policy_activations_pkey PRIMARY KEY (revision);


--
-- Name: policy_active policy_active_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policy_active
    ADD CONSTRAINT policy_active_pkey PRIMARY KEY (name);


--
-- Name: policy_revision policy_revision_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policy_revision
    ADD CONSTRAINT policy_revision_pkey PRIMARY KEY (one);


--
-- Name: policy_versions policy_versions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policy_versions
    ADD CONSTRAINT policy_versions_pkey PRIMARY KEY (name, version);


--
-- Name: principal_roles principal_roles_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.principal_roles
    ADD CONSTRAINT principal_roles_pkey PRIMARY KEY (principal, role);


--
-- Name: principals principals_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.principals
    ADD CONSTRAINT principals_name_key UNIQUE (name);


--
-- Name: principals principals_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.principals
    ADD CONSTRAINT principals_pkey PRIMARY KEY (id);


--
-- Name: roles roles_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT roles_pkey PRIMARY KEY (name);


--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (number);


--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);


--
-- Name: sessions sessions_secret_hash_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_secret_hash_key UNIQUE (secret_hash);


--
-- Name: setup_tokens setup_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.setup_tokens
    ADD CONSTRAINT setup_tokens_pkey PRIMARY KEY (secret_hash);


--
-- Name: sign_in_attempts sign_in_attempts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sign_in_attempts
    ADD CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (subject);


--
-- Name: api_keys_by_owner; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX api_keys_by_owner ON public.api_keys USING btree (owner);


--
-- Name: audit_events_call; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_call ON ONLY public.audit_events USING btree (call);


--
-- Name: audit_events_2026_11_call_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_2026_11_call_idx ON public.audit_events_2026_11 USING btree (call);


--
-- Name: audit_events_trace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_trace ON ONLY public.audit_events USING btree (trace_id) WHERE (trace_id IS NOT NULL);


--
-- Name: audit_events_2026_11_trace_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_2026_11_trace_id_idx ON public.audit_events_2026_11 USING btree (trace_id) WHERE (trace_id IS NOT NULL);


--
-- Name: audit_events_2026_12_call_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_2026_12_call_idx ON public.audit_events_2026_12 USING btree (call);


--
-- Name: audit_events_2026_12_trace_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_2026_12_trace_id_idx ON public.audit_events_2026_12 USING btree (trace_id) WHERE (trace_id IS NOT NULL);


--
-- Name: audit_events_2027_01_call_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_2027_01_call_idx ON public.audit_events_2027_01 USING btree (call);


--
-- Name: audit_events_2027_01_trace_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_2027_01_trace_id_idx ON public.audit_events_2027_01 USING btree (trace_id) WHERE (trace_id IS NOT NULL);


--
-- Name: audit_events_default_call_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_default_call_idx ON public.audit_events_default USING btree (call);


--
-- Name: audit_events_default_trace_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_default_trace_id_idx ON public.audit_events_default USING btree (trace_id) WHERE (trace_id IS NOT NULL);


--
-- Name: budget_reservations_done; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX budget_reservations_done ON public.budget_reservations USING btree (created) WHERE (settled IS NOT NULL);


--
-- Name: budget_reservations_open; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX budget_reservations_open ON public.budget_reservations USING btree (created) WHERE (settled IS NULL);


--
-- Name: group_members_by_group; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX group_members_by_group ON public.group_members USING btree (group_name);


--
-- Name: group_roles_by_role; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX group_roles_by_role ON public.group_roles USING btree (role);


--
-- Name: principal_roles_by_role; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX principal_roles_by_role ON public.principal_roles USING btree (role);


--
-- Name: sessions_by_expiry; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_by_expiry ON public.sessions USING btree (expires);


--
-- Name: sessions_by_principal; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_by_principal ON public.sessions USING btree (principal);


--
-- Name: sign_in_attempts_by_age; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sign_in_attempts_by_age ON public.sign_in_attempts USING btree (since);


--
-- Name: audit_events_2026_11_call_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.audit_events_call ATTACH PARTITION public.audit_events_2026_11_call_idx;


--
-- Name: audit_events_2026_11_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.audit_events_pkey ATTACH PARTITION public.audit_events_2026_11_pkey;


--
-- Name: audit_events_2026_11_trace_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.audit_events_trace ATTACH PARTITION public.audit_events_2026_11_trace_id_idx;


--
-- Name: audit_events_2026_12_call_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.audit_events_call ATTACH PARTITION public.audit_events_2026_12_call_idx;


--
-- Name: audit_events_2026_12_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.audit_events_pkey ATTACH PARTITION public.audit_events_2026_12_pkey;


--
-- Name: audit_events_2026_12_trace_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.audit_events_trace ATTACH PARTITION public.audit_events_2026_12_trace_id_idx;


--
-- Name: audit_events_2027_01_call_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.audit_events_call ATTACH PARTITION public.audit_events_2027_01_call_idx;


--
-- Name: audit_events_2027_01_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.audit_events_pkey ATTACH PARTITION public.audit_events_2027_01_pkey;


--
-- Name: audit_events_2027_01_trace_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.audit_events_trace ATTACH PARTITION public.audit_events_2027_01_trace_id_idx;


--
-- Name: audit_events_default_call_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.audit_events_call ATTACH PARTITION public.audit_events_default_call_idx;


--
-- Name: audit_events_default_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.audit_events_pkey ATTACH PARTITION public.audit_events_default_pkey;


--
-- Name: audit_events_default_trace_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.audit_events_trace ATTACH PARTITION public.audit_events_default_trace_id_idx;


--
-- Name: audit_events_2026_11 audit_events_2026_11_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_events_2026_11_no_truncate BEFORE TRUNCATE ON public.audit_events_2026_11 FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();


--
-- Name: audit_events_2026_12 audit_events_2026_12_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_events_2026_12_no_truncate BEFORE TRUNCATE ON public.audit_events_2026_12 FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();


--
-- Name: audit_events_2027_01 audit_events_2027_01_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_events_2027_01_no_truncate BEFORE TRUNCATE ON public.audit_events_2027_01 FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();


--
-- Name: audit_events audit_events_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_events_append_only BEFORE DELETE OR UPDATE ON public.audit_events FOR EACH ROW EXECUTE FUNCTION public.audit_refuse();


--
-- Name: audit_events audit_events_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON public.audit_events FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();


--
-- Name: policy_activations policy_activations_kept; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER policy_activations_kept BEFORE DELETE OR UPDATE ON public.policy_activations FOR EACH ROW EXECUTE FUNCTION public.policy_refuse();


--
-- Name: policy_activations policy_activations_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER policy_activations_no_truncate BEFORE TRUNCATE ON public.policy_activations FOR EACH STATEMENT EXECUTE FUNCTION public.policy_refuse();


--
-- Name: policy_versions policy_versions_kept; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER policy_versions_kept BEFORE DELETE OR UPDATE ON public.policy_versions FOR EACH ROW EXECUTE FUNCTION public.policy_refuse();


--
-- Name: policy_versions policy_versions_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER policy_versions_no_truncate BEFORE TRUNCATE ON public.policy_versions FOR EACH STATEMENT EXECUTE FUNCTION public.policy_refuse();


--
-- Name: api_keys api_keys_owner_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_owner_fkey FOREIGN KEY (owner) REFERENCES public.principals(id);


--
-- Name: budget_reservations budget_reservations_key_starts_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.budget_reservations
    ADD CONSTRAINT budget_reservations_key_starts_fkey FOREIGN KEY (key, starts) REFERENCES public.budget_windows(key, starts);


--
-- Name: budget_windows budget_windows_key_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.budget_windows
    ADD CONSTRAINT budget_windows_key_fkey FOREIGN KEY (key) REFERENCES public.api_keys(prefix);


--
-- Name: group_members group_members_group_name_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.group_members
    ADD CONSTRAINT group_members_group_name_fkey FOREIGN KEY (group_name) REFERENCES public.groups(name) ON DELETE CASCADE;


--
-- Name: group_members group_members_principal_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.group_members
    ADD CONSTRAINT group_members_principal_fkey FOREIGN KEY (principal) REFERENCES public.principals(id);


--
-- Name: group_roles group_roles_group_name_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.group_roles
    ADD CONSTRAINT group_roles_group_name_fkey FOREIGN KEY (group_name) REFERENCES public.groups(name) ON DELETE CASCADE;


--
-- Name: group_roles group_roles_role_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.group_roles
    ADD CONSTRAINT group_roles_role_fkey FOREIGN KEY (role) REFERENCES public.roles(name);


--
-- Name: passwords passwords_principal_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.passwords
    ADD CONSTRAINT passwords_principal_fkey FOREIGN KEY (principal) REFERENCES public.principals(id);


--
-- Name: policy_active policy_active_name_version_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policy_active
    ADD CONSTRAINT policy_active_name_version_fkey FOREIGN KEY (name, version) REFERENCES public.policy_versions(name, version);


--
-- Name: principal_roles principal_roles_principal_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.principal_roles
    ADD CONSTRAINT principal_roles_principal_fkey FOREIGN KEY (principal) REFERENCES public.principals(id);


--
-- Name: principal_roles principal_roles_role_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.principal_roles
    ADD CONSTRAINT principal_roles_role_fkey FOREIGN KEY (role) REFERENCES public.roles(name);


--
-- Name: sessions sessions_principal_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_principal_fkey FOREIGN KEY (principal) REFERENCES public.principals(id);


--
-- Name: setup_tokens setup_tokens_principal_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.setup_tokens
    ADD CONSTRAINT setup_tokens_principal_fkey FOREIGN KEY (principal) REFERENCES public.principals(id);


--
-- PostgreSQL database dump complete
--


