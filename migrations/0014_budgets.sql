-- Budgets: what a person, a group, a key, an agent or everyone may spend on models in a window of time.

-- `subject` is an account's id, a group's name, a key's prefix, or empty for everyone. With `apart` each of those it
-- concerns has the whole amount for himself. No `models`: all of them. `span` is the length of a rolling window;
-- calendar windows have none. Sums of money are microdollars.
CREATE TABLE budgets (
    name text PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    subject_kind text NOT NULL CHECK (subject_kind IN ('everyone', 'user', 'service', 'agent', 'group', 'key')),
    subject text NOT NULL,
    apart boolean NOT NULL DEFAULT false,
    models text[] NOT NULL DEFAULT '{}',
    unit text NOT NULL CHECK (unit IN ('microdollars', 'tokens', 'requests')),
    hard bigint CHECK (hard >= 0),
    soft bigint[] NOT NULL DEFAULT '{}',
    period text NOT NULL CHECK (period IN ('hour', 'day', 'week', 'month', 'total')),
    zone text NOT NULL DEFAULT 'UTC',
    span interval,
    created timestamptz NOT NULL,
    created_by text NOT NULL,
    CHECK ((subject_kind = 'everyone') = (subject = '')),
    CHECK (hard IS NOT NULL OR soft <> '{}'),
    CHECK (span IS NULL OR period <> 'total')
);

-- Its row is locked by whoever changes what this holder spent: locks are taken in the order of the key, so that
-- calls under several budgets never wait for each other in a circle.
CREATE TABLE budget_holders (
    budget text NOT NULL REFERENCES budgets (name) ON DELETE CASCADE,
    holder text NOT NULL,
    PRIMARY KEY (budget, holder)
);

-- One row for each calendar window, or for each sixtieth of a rolling one.
CREATE TABLE budget_ledger (
    budget text NOT NULL,
    holder text NOT NULL,
    starts timestamptz NOT NULL,
    spent bigint NOT NULL CHECK (spent >= 0),
    reserved bigint NOT NULL CHECK (reserved >= 0),
    PRIMARY KEY (budget, holder, starts),
    FOREIGN KEY (budget, holder) REFERENCES budget_holders (budget, holder) ON DELETE CASCADE
);

-- What each call held back, and what it came to in the end.
CREATE TABLE budget_holds (
    passage uuid NOT NULL,
    budget text NOT NULL,
    holder text NOT NULL,
    starts timestamptz NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    settled bigint CHECK (settled >= 0),
    created timestamptz NOT NULL,
    PRIMARY KEY (passage, budget),
    FOREIGN KEY (budget, holder, starts) REFERENCES budget_ledger (budget, holder, starts) ON DELETE CASCADE
);
CREATE INDEX budget_holds_open ON budget_holds (created) WHERE settled IS NULL;
CREATE INDEX budget_holds_done ON budget_holds (created) WHERE settled IS NOT NULL;
CREATE INDEX budget_holds_ledger ON budget_holds (budget, holder, starts);

-- A limit that was reached, once in each window; `told` once it stands in the record.
CREATE TABLE budget_alerts (
    budget text NOT NULL,
    holder text NOT NULL,
    starts timestamptz NOT NULL,
    threshold bigint NOT NULL,
    amount bigint NOT NULL,
    created timestamptz NOT NULL,
    told timestamptz,
    PRIMARY KEY (budget, holder, starts, threshold),
    FOREIGN KEY (budget, holder) REFERENCES budget_holders (budget, holder) ON DELETE CASCADE
);
CREATE INDEX budget_alerts_untold ON budget_alerts (created) WHERE told IS NULL;

-- When the window of a moment began. The database knows the zones: all nodes agree, also in the hour that is there twice.
CREATE FUNCTION budget_starts(period text, zone text, span interval, moment timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN period = 'total' THEN timestamptz '1970-01-01 00:00:00+00'
        WHEN span IS NOT NULL THEN date_bin(span / 60, moment, timestamptz '1970-01-01 00:00:00+00')
        ELSE date_trunc(period, moment AT TIME ZONE zone) AT TIME ZONE zone
    END
$$;

-- When what a window counted counts no more; NULL: never.
CREATE FUNCTION budget_ends(period text, zone text, span interval, starts timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN period = 'total' THEN NULL
        WHEN span IS NOT NULL THEN starts + span + span / 60
        ELSE (starts AT TIME ZONE zone + ('1 ' || period)::interval) AT TIME ZONE zone
    END
$$;

-- Hold amounts back under every budget named, or under none: then a row for each that its amount does not fit into.
CREATE FUNCTION budget_reserve(call uuid, names text[], holders text[], amounts bigint[], moment timestamptz)
RETURNS TABLE (name text, ends timestamptz) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO budget_holders AS h (budget, holder)
        SELECT b.name, w.holder FROM unnest(names, holders) AS w (name, holder) JOIN budgets b ON b.name = w.name
        ORDER BY 1, 2 ON CONFLICT DO NOTHING;
    PERFORM FROM budget_holders h JOIN unnest(names, holders) AS w (name, holder)
        ON h.budget = w.name AND h.holder = w.holder ORDER BY h.budget, h.holder FOR UPDATE OF h;
    RETURN QUERY
        SELECT b.name, budget_ends(b.period, b.zone, b.span, coalesce(s.oldest, c.starts))
        FROM unnest(names, holders, amounts) AS w (name, holder, amount)
        JOIN budgets b ON b.name = w.name
        CROSS JOIN LATERAL budget_starts(b.period, b.zone, b.span, moment) AS c (starts)
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(l.spent + l.reserved), 0) AS used,
                min(l.starts) FILTER (WHERE l.spent + l.reserved > 0) AS oldest
            FROM budget_ledger l WHERE l.budget = b.name AND l.holder = w.holder
                AND l.starts BETWEEN c.starts - coalesce(b.span, interval '0') AND c.starts
        ) s
        WHERE s.used + w.amount > b.hard;
    IF FOUND THEN
        RETURN;
    END IF;
    INSERT INTO budget_ledger AS l (budget, holder, starts, spent, reserved)
        SELECT b.name, w.holder, budget_starts(b.period, b.zone, b.span, moment), 0, w.amount
        FROM unnest(names, holders, amounts) AS w (name, holder, amount) JOIN budgets b ON b.name = w.name
        ON CONFLICT (budget, holder, starts) DO UPDATE SET reserved = l.reserved + excluded.reserved;
    INSERT INTO budget_holds (passage, budget, holder, starts, amount, created)
        SELECT call, b.name, w.holder, budget_starts(b.period, b.zone, b.span, moment), w.amount, moment
        FROM unnest(names, holders, amounts) AS w (name, holder, amount) JOIN budgets b ON b.name = w.name;
END $$;

-- Replace what a call held back by what it came to, once; NULL: by what it held back. Budgets named under which it held
-- nothing are charged in the window of `moment`. Returns how many limits were reached for the first time in a window.
CREATE FUNCTION budget_settle(
    call uuid, names text[], holders text[], microdollars bigint, tokens bigint, requests bigint, moment timestamptz
) RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    alerts bigint;
BEGIN
    INSERT INTO budget_holders AS h (budget, holder)
        SELECT b.name, w.holder FROM unnest(names, holders) AS w (name, holder) JOIN budgets b ON b.name = w.name
        ORDER BY 1, 2 ON CONFLICT DO NOTHING;
    PERFORM FROM budget_holders h WHERE (h.budget, h.holder) IN (
            SELECT d.budget, d.holder FROM budget_holds d WHERE d.passage = call AND d.settled IS NULL
            UNION ALL SELECT w.name, w.holder FROM unnest(names, holders) AS w (name, holder)
        ) ORDER BY h.budget, h.holder FOR UPDATE OF h;
    INSERT INTO budget_ledger (budget, holder, starts, spent, reserved)
        SELECT b.name, w.holder, budget_starts(b.period, b.zone, b.span, moment), 0, 0
        FROM unnest(names, holders) AS w (name, holder) JOIN budgets b ON b.name = w.name
        WHERE CASE b.unit WHEN 'microdollars' THEN microdollars WHEN 'tokens' THEN tokens ELSE requests END > 0
            AND NOT EXISTS (SELECT FROM budget_holds d WHERE d.passage = call AND d.budget = b.name)
        ON CONFLICT DO NOTHING;
    INSERT INTO budget_holds (passage, budget, holder, starts, amount, created)
        SELECT call, b.name, w.holder, budget_starts(b.period, b.zone, b.span, moment), 0, moment
        FROM unnest(names, holders) AS w (name, holder) JOIN budgets b ON b.name = w.name
        WHERE CASE b.unit WHEN 'microdollars' THEN microdollars WHEN 'tokens' THEN tokens ELSE requests END > 0
            AND NOT EXISTS (SELECT FROM budget_holds d WHERE d.passage = call AND d.budget = b.name);
    WITH closed AS (
        UPDATE budget_holds d SET settled = coalesce(
            CASE b.unit WHEN 'microdollars' THEN microdollars WHEN 'tokens' THEN tokens ELSE requests END, d.amount)
        FROM budgets b WHERE b.name = d.budget AND d.passage = call AND d.settled IS NULL
        RETURNING d.budget, d.holder, d.starts, d.amount, d.settled
    )
    UPDATE budget_ledger l SET reserved = l.reserved - c.amount, spent = l.spent + c.settled
        FROM closed c WHERE l.budget = c.budget AND l.holder = c.holder AND l.starts = c.starts;
    INSERT INTO budget_alerts (budget, holder, starts, threshold, amount, created)
        SELECT d.budget, d.holder, d.starts, t.threshold, s.spent, moment
        FROM budget_holds d JOIN budgets b ON b.name = d.budget
        CROSS JOIN LATERAL unnest(b.soft || b.hard) AS t (threshold)
        CROSS JOIN LATERAL (
            SELECT sum(l.spent) AS spent FROM budget_ledger l WHERE l.budget = d.budget AND l.holder = d.holder
                AND l.starts BETWEEN d.starts - coalesce(b.span, interval '0') AND d.starts
        ) s
        WHERE d.passage = call AND t.threshold > 0 AND s.spent >= t.threshold AND NOT EXISTS (
            SELECT FROM budget_alerts o WHERE o.budget = d.budget AND o.holder = d.holder AND o.threshold = t.threshold
                AND o.starts BETWEEN d.starts - coalesce(b.span, interval '0') AND d.starts)
        ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS alerts = ROW_COUNT;
    RETURN alerts;
END $$;

-- Budgets of keys so far, with what they spent. The columns of api_keys go on saying them, for the release before.
INSERT INTO budgets (name, subject_kind, subject, unit, hard, period, created, created_by)
    SELECT 'key-' || prefix, 'key', prefix, 'microdollars', budget_microdollars, budget_window, created, created_by
    FROM api_keys WHERE budget_microdollars IS NOT NULL;
INSERT INTO budget_holders (budget, holder) SELECT name, '' FROM budgets;
INSERT INTO budget_ledger (budget, holder, starts, spent, reserved)
    SELECT b.name, '', w.starts::timestamp AT TIME ZONE 'UTC', w.spent, w.reserved
    FROM budget_windows w JOIN budgets b ON b.subject = w.key;
INSERT INTO budget_holds (passage, budget, holder, starts, amount, settled, created)
    SELECT r.passage, b.name, '', r.starts::timestamp AT TIME ZONE 'UTC', r.microdollars, r.settled, r.created
    FROM budget_reservations r JOIN budgets b ON b.subject = r.key;
