-- Policies. Versions are never changed or deleted; what holds now is a pointer; every change of a pointer is kept.

CREATE TABLE policy_versions (
    name     text        NOT NULL,
    version  integer     NOT NULL CHECK (version > 0),
    sha256   text        NOT NULL,
    source   text        NOT NULL,
    author   text        NOT NULL,
    approver text,
    created  timestamptz NOT NULL,
    PRIMARY KEY (name, version)
);

CREATE TABLE policy_active (
    name    text        PRIMARY KEY,
    version integer     NOT NULL,
    applied timestamptz NOT NULL,
    author  text        NOT NULL,
    FOREIGN KEY (name, version) REFERENCES policy_versions (name, version)
);

-- `version` is null where a policy was retired.
CREATE TABLE policy_activations (
    revision bigint      PRIMARY KEY,
    name     text        NOT NULL,
    version  integer,
    author   text        NOT NULL,
    applied  timestamptz NOT NULL
);

-- One row: grows with every change, so that each node sees it; its lock puts changes in order.
CREATE TABLE policy_revision (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint  NOT NULL
);
INSERT INTO policy_revision (revision) VALUES (0);

CREATE FUNCTION policy_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'versions and activations of policies are kept: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER policy_versions_kept BEFORE UPDATE OR DELETE ON policy_versions
    FOR EACH ROW EXECUTE FUNCTION policy_refuse();
CREATE TRIGGER policy_activations_kept BEFORE UPDATE OR DELETE ON policy_activations
    FOR EACH ROW EXECUTE FUNCTION policy_refuse();
CREATE TRIGGER policy_versions_no_truncate BEFORE TRUNCATE ON policy_versions
    FOR EACH STATEMENT EXECUTE FUNCTION policy_refuse();
CREATE TRIGGER policy_activations_no_truncate BEFORE TRUNCATE ON policy_activations
    FOR EACH STATEMENT EXECUTE FUNCTION policy_refuse();
