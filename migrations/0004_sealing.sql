-- The seal over the record: a Merkle tree in tiles, its heads, and which rows are its leaves. Side tables only:
-- `audit_events` is not touched. Everything here can be computed again from the entries in the order of the runs.

-- A writer that comes back after its connection was lost says so (`opened`), so that the sealer looks at it again.
ALTER TABLE audit_boots
    ADD COLUMN opened bigint  NOT NULL DEFAULT 1,
    ADD COLUMN sealed boolean NOT NULL DEFAULT false;
CREATE INDEX audit_boots_unsealed ON audit_boots (started) WHERE NOT sealed;

-- The rows of one writer in its own order: what the sealer reads, and how a leaf finds its row.
CREATE INDEX audit_events_boot ON audit_events (boot, seq);

-- One tree each. A declared restore from a backup ends a tree and begins the next under another origin;
-- `statement` is the signed note that says so, empty for the first.
CREATE TABLE audit_epochs (
    epoch     integer     PRIMARY KEY CHECK (epoch > 0),
    origin    text        NOT NULL UNIQUE,
    started   timestamptz NOT NULL DEFAULT now(),
    statement text        NOT NULL DEFAULT ''
);

-- Leaves `leaf` to `leaf + count - 1` of a tree are the rows `seq` to `seq + count - 1` of a boot.
CREATE TABLE audit_runs (
    epoch integer NOT NULL REFERENCES audit_epochs,
    leaf  bigint  NOT NULL CHECK (leaf >= 0),
    boot  uuid    NOT NULL,
    seq   bigint  NOT NULL CHECK (seq >= 0),
    count bigint  NOT NULL CHECK (count > 0),
    PRIMARY KEY (epoch, leaf)
);
CREATE UNIQUE INDEX audit_runs_boot ON audit_runs (boot, seq);

-- The next row of each boot to be sealed; `declared` when a declared restore stepped over rows that are gone.
CREATE TABLE audit_cursors (
    boot     uuid    PRIMARY KEY,
    seq      bigint  NOT NULL CHECK (seq >= 0),
    declared boolean NOT NULL DEFAULT false
);

-- c2sp.org/tlog-tiles: up to 256 hashes of 32 bytes. The last tile of each level grows.
CREATE TABLE audit_tiles (
    epoch  integer  NOT NULL REFERENCES audit_epochs,
    level  smallint NOT NULL CHECK (level BETWEEN 0 AND 63),
    index  bigint   NOT NULL CHECK (index >= 0),
    hashes bytea    NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (epoch, level, index)
);
ALTER TABLE audit_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL; -- hashes do not compress

-- The newest checkpoint of each tree, replaced with each step of the sealer, and those that are kept.
CREATE TABLE audit_heads (
    epoch   integer     PRIMARY KEY REFERENCES audit_epochs,
    size    bigint      NOT NULL CHECK (size >= 0),
    root    bytea       NOT NULL CHECK (octet_length(root) = 32),
    note    text        NOT NULL,
    created timestamptz NOT NULL
);
CREATE TABLE audit_checkpoints (
    epoch   integer     NOT NULL REFERENCES audit_epochs,
    size    bigint      NOT NULL CHECK (size >= 0),
    root    bytea       NOT NULL CHECK (octet_length(root) = 32),
    note    text        NOT NULL,
    created timestamptz NOT NULL,
    PRIMARY KEY (epoch, size)
);
CREATE TABLE audit_cosignatures (
    epoch   integer     NOT NULL,
    size    bigint      NOT NULL,
    witness text        NOT NULL,
    line    text        NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (epoch, size, witness),
    FOREIGN KEY (epoch, size) REFERENCES audit_checkpoints
);

-- Public keys that sign checkpoints, in order, with the note by which each took over from the one before it.
-- Information for exports: whoever verifies is told the keys by another way.
CREATE TABLE audit_log_keys (
    turn      integer     NOT NULL CHECK (turn > 0),
    algorithm smallint    NOT NULL,
    key       text        NOT NULL UNIQUE,
    since     timestamptz NOT NULL DEFAULT now(),
    statement text        NOT NULL DEFAULT '',
    PRIMARY KEY (turn, algorithm)
);

CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    grows boolean := false;
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'audit_tiles' THEN
        grows := (NEW.epoch, NEW.level, NEW.index) = (OLD.epoch, OLD.level, OLD.index)
                 AND substr(NEW.hashes, 1, octet_length(OLD.hashes)) = OLD.hashes;
    ELSIF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'audit_runs' THEN
        grows := (NEW.epoch, NEW.leaf, NEW.boot, NEW.seq) = (OLD.epoch, OLD.leaf, OLD.boot, OLD.seq)
                 AND NEW.count >= OLD.count;
    ELSIF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'audit_cursors' THEN
        grows := NEW.boot = OLD.boot AND NEW.seq >= OLD.seq;
    ELSIF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'audit_heads' THEN
        grows := NEW.epoch = OLD.epoch AND (NEW.size > OLD.size OR (NEW.size, NEW.root) = (OLD.size, OLD.root));
    END IF;
    IF NOT grows THEN
        RAISE EXCEPTION 'the seal over the record only grows: % on % is refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_epochs', 'audit_runs', 'audit_cursors', 'audit_tiles', 'audit_heads',
                                'audit_checkpoints', 'audit_cosignatures', 'audit_log_keys'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW'
                       ' EXECUTE FUNCTION audit_only_grows()', name || '_only_grows', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()',
                       name || '_no_truncate', name);
    END LOOP;
END $$;

-- Which row is which leaf. Ask by event; to walk a tree in its order take the runs and the rows of each by
-- (boot, seq), which is an index scan.
CREATE VIEW audit_leaves AS
SELECT r.epoch, r.leaf + (e.seq - r.seq) AS leaf, e.id AS event, e.time, e.boot, e.seq
FROM audit_events e
JOIN LATERAL (
    SELECT epoch, leaf, seq, count FROM audit_runs WHERE boot = e.boot AND seq <= e.seq ORDER BY seq DESC LIMIT 1
) AS r ON e.seq < r.seq + r.count;
