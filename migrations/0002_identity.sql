-- Who may ask: accounts, groups, roles, their credentials, and what an API key may spend.

-- One row: every change of identity locks and bumps it, so changes are serial and caches notice them.
CREATE TABLE identity_version (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version bigint NOT NULL
);
INSERT INTO identity_version (version) VALUES (1);

-- Names are never used twice: the record names people, and policies do.
CREATE TABLE principals (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('user', 'service', 'agent')),
    name text NOT NULL UNIQUE CHECK (name = lower(name) AND length(name) BETWEEN 1 AND 64),
    display_name text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled', 'deleted')),
    created timestamptz NOT NULL,
    created_by text NOT NULL
);

CREATE TABLE roles (
    name text PRIMARY KEY,
    description text NOT NULL DEFAULT '',
    built_in boolean NOT NULL DEFAULT false
);
INSERT INTO roles (name, description, built_in) VALUES
    ('administrator', 'Runs the site: identities, policies, settings', true),
    ('auditor', 'Reads the record and everything that explains it', true),
    ('developer', 'Uses models and tools from programs and coding agents', true),
    ('user', 'Uses models', true);

CREATE TABLE groups (
    name text PRIMARY KEY,
    description text NOT NULL DEFAULT '',
    created timestamptz NOT NULL,
    created_by text NOT NULL
);

CREATE TABLE group_members (
    group_name text NOT NULL REFERENCES groups (name) ON DELETE CASCADE,
    principal uuid NOT NULL REFERENCES principals (id),
    PRIMARY KEY (principal, group_name)
);
CREATE INDEX group_members_by_group ON group_members (group_name);

CREATE TABLE principal_roles (
    principal uuid NOT NULL REFERENCES principals (id),
    role text NOT NULL REFERENCES roles (name),
    PRIMARY KEY (principal, role)
);
CREATE INDEX principal_roles_by_role ON principal_roles (role);

CREATE TABLE group_roles (
    group_name text NOT NULL REFERENCES groups (name) ON DELETE CASCADE,
    role text NOT NULL REFERENCES roles (name),
    PRIMARY KEY (group_name, role)
);
CREATE INDEX group_roles_by_role ON group_roles (role);

-- An account with the roles it has by itself and through its groups.
CREATE VIEW accounts AS
SELECT
    p.id, p.kind, p.name, p.display_name, p.state, p.created, p.created_by,
    ARRAY(
        SELECT r.role FROM principal_roles r WHERE r.principal = p.id
        UNION
        SELECT g.role FROM group_roles g JOIN group_members m ON m.group_name = g.group_name WHERE m.principal = p.id
        ORDER BY 1
    ) AS roles,
    ARRAY(SELECT m.group_name FROM group_members m WHERE m.principal = p.id ORDER BY 1) AS groups
FROM principals p;

-- Argon2id in its PHC string form (RFC 9106).
CREATE TABLE passwords (
    principal uuid PRIMARY KEY REFERENCES principals (id),
    phc text NOT NULL,
    changed timestamptz NOT NULL
);

-- By SHA-256 of the name that was typed, known or not, so that a lock tells nobody whether the name exists.
CREATE TABLE sign_in_attempts (
    subject bytea PRIMARY KEY,
    attempts integer NOT NULL,
    since timestamptz NOT NULL
);
CREATE INDEX sign_in_attempts_by_age ON sign_in_attempts (since);

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    secret_hash bytea NOT NULL UNIQUE,
    principal uuid NOT NULL REFERENCES principals (id),
    created timestamptz NOT NULL,
    last_used timestamptz NOT NULL,
    expires timestamptz NOT NULL,
    address text NOT NULL DEFAULT '',
    client text NOT NULL DEFAULT ''
);
CREATE INDEX sessions_by_principal ON sessions (principal);
CREATE INDEX sessions_by_expiry ON sessions (expires);

CREATE TABLE setup_tokens (
    secret_hash bytea PRIMARY KEY,
    purpose text NOT NULL CHECK (purpose IN ('first_administrator', 'sign_in')),
    principal uuid REFERENCES principals (id),
    created timestamptz NOT NULL,
    expires timestamptz NOT NULL,
    used timestamptz,
    CHECK ((purpose = 'sign_in') = (principal IS NOT NULL))
);

CREATE TABLE api_keys (
    prefix text PRIMARY KEY,
    secret_hash bytea NOT NULL,
    owner uuid NOT NULL REFERENCES principals (id),
    label text NOT NULL DEFAULT '',
    scopes text[],
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled', 'revoked')),
    created timestamptz NOT NULL,
    created_by text NOT NULL,
    expires timestamptz,
    last_used timestamptz,
    budget_microdollars bigint CHECK (budget_microdollars >= 0),
    budget_window text CHECK (budget_window IN ('day', 'month', 'total')),
    CHECK ((budget_microdollars IS NULL) = (budget_window IS NULL))
);
CREATE INDEX api_keys_by_owner ON api_keys (owner);

-- What a key spent and holds back in one window (UTC day, UTC month, or for ever: 1970-01-01).
CREATE TABLE budget_windows (
    key text NOT NULL REFERENCES api_keys (prefix),
    starts date NOT NULL,
    spent bigint NOT NULL CHECK (spent >= 0),
    reserved bigint NOT NULL CHECK (reserved >= 0),
    PRIMARY KEY (key, starts)
);

-- One row per call that reserved or spent; `settled` is what it cost in the end.
CREATE TABLE budget_reservations (
    passage uuid PRIMARY KEY,
    key text NOT NULL,
    starts date NOT NULL,
    microdollars bigint NOT NULL CHECK (microdollars >= 0),
    created timestamptz NOT NULL,
    settled bigint CHECK (settled >= 0),
    FOREIGN KEY (key, starts) REFERENCES budget_windows (key, starts)
);
CREATE INDEX budget_reservations_open ON budget_reservations (created) WHERE settled IS NULL;
CREATE INDEX budget_reservations_done ON budget_reservations (created) WHERE settled IS NOT NULL;
