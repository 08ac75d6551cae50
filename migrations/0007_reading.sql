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

-- A hold is lifted, never changed or removed; of a removal only what followed from it is added.
CREATE FUNCTION audit_side_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    later text[] := CASE TG_TABLE_NAME WHEN 'audit_holds' THEN ARRAY['lifted', 'lifted_by']
                                       ELSE ARRAY['contents', 'swept', 'xid'] END;
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - later = to_jsonb(OLD) - later
       AND (TG_TABLE_NAME <> 'audit_holds' OR to_jsonb(OLD) -> 'lifted' = 'null') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the record is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_holds', 'audit_removals'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW'
                       ' EXECUTE FUNCTION audit_side_kept()', name || '_kept', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()',
                       name || '_no_truncate', name);
    END LOOP;
END $$;
