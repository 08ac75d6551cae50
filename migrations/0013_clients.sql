-- Retention: what clients report belongs to their AI requests, settings that they are given to what is read.
CREATE OR REPLACE FUNCTION audit_class(action text, actor_kind text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN action LIKE 'record.%' OR action IS NULL THEN 'record'
        WHEN actor_kind = 'anonymous' THEN 'anonymous'
        WHEN action LIKE 'admin.%' THEN 'admin'
        WHEN action IN ('audit.read', 'console.view', 'settings.read') OR action LIKE '%.list' THEN 'reads'
        WHEN action LIKE 'model.%' OR action LIKE 'telemetry.%' THEN 'ai'
        WHEN action LIKE 'tool.%' OR action LIKE 'server.%' OR action LIKE 'resource.%' OR action LIKE 'prompt.%'
            THEN 'tools'
        ELSE 'rest'
    END
$$;
