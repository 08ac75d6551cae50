-- Sign-ins at remote tool servers: tokens in sealed boxes, one row for each server and principal. No token stands here.

-- `principal` is an account's id, `uid:N` of the host's operator, `*` of the site, `@client` of the client itself.
-- `wanted` are scopes that a server asked for in vain; `refreshing_until` is the lease of the one that renews.
CREATE TABLE upstream_sign_ins (
    server text NOT NULL,
    principal text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    state text NOT NULL CHECK (state IN ('signed in', 'ended')),
    problem text NOT NULL DEFAULT '',
    issuer text NOT NULL,
    client_id text NOT NULL,
    scopes text[] NOT NULL,
    wanted text[] NOT NULL DEFAULT '{}',
    refreshable boolean NOT NULL,
    expires timestamptz,
    renew timestamptz,
    signed_in timestamptz NOT NULL,
    changed timestamptz NOT NULL,
    refreshing_until timestamptz,
    wrapped bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (server, principal)
);
CREATE INDEX upstream_sign_ins_by_principal ON upstream_sign_ins (principal);

-- A sign-in that was begun: found by the SHA-256 of its state, used once. `answer` is what a browser brought back for
-- a command that waits for it, in a box too.
CREATE TABLE upstream_attempts (
    state_hash bytea PRIMARY KEY,
    server text NOT NULL,
    principal text NOT NULL,
    via text NOT NULL CHECK (via IN ('console', 'cli', 'api')),
    session text NOT NULL DEFAULT '',
    created timestamptz NOT NULL,
    expires timestamptz NOT NULL,
    wrapped bytea NOT NULL,
    value bytea NOT NULL,
    answer_wrapped bytea NOT NULL DEFAULT '',
    answer bytea NOT NULL DEFAULT ''
);
CREATE INDEX upstream_attempts_by_expiry ON upstream_attempts (expires);

-- What an authorization server knows this site as, when it registered itself there (RFC 7591).
CREATE TABLE upstream_clients (
    server text NOT NULL,
    issuer text NOT NULL,
    redirect text NOT NULL,
    client_id text NOT NULL,
    created timestamptz NOT NULL,
    wrapped bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (server, issuer, redirect)
);
