-- Reading the record at scale, and what no role may do to it.

-- Row ids begin with their moment, so an index that ends with the id has its rows in the order of time. Only the rows
-- that decide a call, and events: their outcomes are found by `call`.
CREATE INDEX audit_events_actor ON audit_events (actor, id) WHERE kind IN ('intent', 'denial', 'event');
CREATE INDEX audit_events_action ON audit_events (action text_pattern_ops, id)
    WHERE kind IN ('intent', 'denial', 'event');
CREATE INDEX audit_events_resource ON audit_events (resource text_pattern_ops, id)
    WHERE kind IN ('intent', 'denial', 'event');

-- Persons' rows hold no name but their subject.
CREATE INDEX audit_events_subject ON audit_events (subject, id)
    WHERE subject IS NOT NULL AND kind IN ('intent', 'denial', 'event');
CREATE INDEX audit_events_about ON audit_events (resource_subject, id) WHERE resource_subject IS NOT NULL;

-- What is rare and asked for first: denials, and calls that did not end well.
CREATE INDEX audit_events_denied ON audit_events (id) WHERE kind = 'denial';
CREATE INDEX audit_events_event ON audit_events (id) WHERE kind = 'event';
CREATE INDEX audit_events_failed ON audit_events (status, call) WHERE kind IN ('outcome', 'lost') AND status <> 'ok';

-- Months' partitions get this trigger when they are made; this one was made without.
CREATE TRIGGER audit_events_default_no_truncate BEFORE TRUNCATE ON audit_events_default
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- That a writer started stays; what was done about it since is added.
CREATE FUNCTION audit_boots_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.boot, NEW.node, NEW.started) = (OLD.boot, OLD.node, OLD.started) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the record is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_boots_kept BEFORE UPDATE OR DELETE ON audit_boots
    FOR EACH ROW EXECUTE FUNCTION audit_boots_kept();
CREATE TRIGGER audit_boots_no_truncate BEFORE TRUNCATE ON audit_boots
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- Contents stand beside the entries that name them by digest, and are kept like them.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'audit_contents'::regclass AND NOT tgisinternal) THEN
        CREATE TRIGGER audit_contents_append_only BEFORE UPDATE OR DELETE ON audit_contents
            FOR EACH ROW EXECUTE FUNCTION audit_refuse();
        CREATE TRIGGER audit_contents_no_truncate BEFORE TRUNCATE ON audit_contents
            FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
    END IF;
END $$;

-- A hold is set and lifted, once each, and says so for ever.
CREATE FUNCTION audit_holds_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.lifted IS NULL
       AND to_jsonb(NEW) - 'lifted' - 'lifted_by' = to_jsonb(OLD) - 'lifted' - 'lifted_by' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'holds are kept: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_holds_kept BEFORE UPDATE OR DELETE ON audit_holds
    FOR EACH ROW EXECUTE FUNCTION audit_holds_kept();
CREATE TRIGGER audit_holds_no_truncate BEFORE TRUNCATE ON audit_holds
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- What was removed stays written; what is still to be swept is marked.
CREATE FUNCTION audit_removals_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.statement, NEW.month, NEW.classes, NEW.rows, NEW.held)
                          = (OLD.statement, OLD.month, OLD.classes, OLD.rows, OLD.held) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'removals are kept: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_removals_kept BEFORE UPDATE OR DELETE ON audit_removals
    FOR EACH ROW EXECUTE FUNCTION audit_removals_kept();
CREATE TRIGGER audit_removals_no_truncate BEFORE TRUNCATE ON audit_removals
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
