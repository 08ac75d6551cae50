-- The catalog: definitions of tool servers, what is approved of them, and who judged.

-- Each definition of a name that was seen. `document` is canonical JSON, `findings` JSON of the scan.
CREATE TABLE catalog_versions (
    server     text        NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('server', 'tool', 'prompt', 'template')),
    name       text        NOT NULL,
    digest     text        NOT NULL CHECK (digest LIKE 'sha256:%'),
    document   text        NOT NULL,
    findings   text        NOT NULL,
    first_seen timestamptz NOT NULL,
    rejected   boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (server, kind, name, digest)
);

-- One row a name. `pending` waits for a person; `seen` is what the server showed last, null when it is gone.
CREATE TABLE catalog_pins (
    server   text        NOT NULL,
    kind     text        NOT NULL,
    name     text        NOT NULL,
    approved text,
    pending  text,
    seen     text,
    changed  timestamptz NOT NULL,
    PRIMARY KEY (server, kind, name)
);
CREATE INDEX catalog_pins_pending ON catalog_pins (server) WHERE pending IS NOT NULL;

CREATE TABLE catalog_judgments (
    revision bigint      NOT NULL,
    server   text        NOT NULL,
    kind     text        NOT NULL,
    name     text        NOT NULL,
    digest   text        NOT NULL,
    verdict  text        NOT NULL CHECK (verdict IN ('trusted', 'approved', 'rejected')),
    author   text        NOT NULL,
    judged   timestamptz NOT NULL,
    PRIMARY KEY (revision, server, kind, name)
);
CREATE INDEX catalog_judgments_name ON catalog_judgments (server, kind, name, revision);

-- One row: grows with every change, so that each node sees it; its lock puts changes in order.
CREATE TABLE catalog_revision (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint  NOT NULL
);
INSERT INTO catalog_revision (revision) VALUES (0);

CREATE FUNCTION catalog_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'judgments of definitions are kept: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER catalog_judgments_kept BEFORE UPDATE OR DELETE ON catalog_judgments
    FOR EACH ROW EXECUTE FUNCTION catalog_refuse();
CREATE TRIGGER catalog_judgments_no_truncate BEFORE TRUNCATE ON catalog_judgments
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_refuse();
