-- Secrets: values in sealed boxes, who may be given them, and which master keys seal them. No key stands here.

-- One row: every change locks and bumps it; `tag` is over the whole catalogue, so that rows put back are noticed.
CREATE TABLE secret_catalogue (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    revision bigint NOT NULL,
    tag bytea NOT NULL
);
INSERT INTO secret_catalogue (revision, tag) VALUES (0, '');

-- `handover` is the key in a box of the one before it, while other nodes take it over; `salt` belongs to a passphrase.
CREATE TABLE secret_keys (
    id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{32}$'),
    state text NOT NULL CHECK (state IN ('current', 'previous', 'retired')),
    source text NOT NULL,
    salt bytea NOT NULL DEFAULT '',
    handover bytea NOT NULL DEFAULT '',
    created timestamptz NOT NULL,
    created_by text NOT NULL
);
CREATE UNIQUE INDEX secret_keys_one_current ON secret_keys (state) WHERE state = 'current';

-- A deleted secret keeps its row, so that a version number is never used twice. `tag` is over the row and what it has.
CREATE TABLE secrets (
    name text PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    purpose text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    deleted boolean NOT NULL DEFAULT false,
    created timestamptz NOT NULL,
    created_by text NOT NULL,
    tag bytea NOT NULL DEFAULT ''
);

-- Boxes are emptied once a version is neither the current nor the one before it.
CREATE TABLE secret_versions (
    name text NOT NULL REFERENCES secrets (name),
    version integer NOT NULL CHECK (version > 0),
    wrapped bytea NOT NULL,
    value bytea NOT NULL,
    created timestamptz NOT NULL,
    created_by text NOT NULL,
    PRIMARY KEY (name, version)
);

CREATE TABLE secret_grants (
    name text NOT NULL REFERENCES secrets (name),
    recipient text NOT NULL CHECK (recipient ~ '^(server|provider):'),
    granted timestamptz NOT NULL,
    granted_by text NOT NULL,
    PRIMARY KEY (name, recipient)
);
