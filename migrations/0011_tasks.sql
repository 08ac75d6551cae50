-- Tasks of the MCP door: calls whose answer comes later, each bound to one principal and one endpoint.

-- `upstream` is the task's id at the tool server; it is empty for a call of ours that waits for a person, whose
-- `request` is kept until it can be made. `answer` is JSON with the member result or error. Rows go when they expire.
CREATE TABLE mcp_tasks (
    id        text        PRIMARY KEY,
    principal text        NOT NULL,
    endpoint  text        NOT NULL,
    server    text        NOT NULL,
    tool      text        NOT NULL,
    call      uuid        NOT NULL,
    status    text        NOT NULL CHECK (status IN ('working', 'input_required', 'completed', 'failed', 'cancelled')),
    message   text        NOT NULL DEFAULT '',
    upstream  text        NOT NULL DEFAULT '',
    session   text        NOT NULL DEFAULT '',
    request   text,
    answer    text,
    created   timestamptz NOT NULL,
    updated   timestamptz NOT NULL,
    expires   timestamptz NOT NULL,
    -- Until when a node that makes the call has it; afterwards that node is taken for lost.
    leased    timestamptz
);
CREATE INDEX mcp_tasks_principal ON mcp_tasks (principal, created);
CREATE INDEX mcp_tasks_expires ON mcp_tasks (expires);

-- Skills are pinned as tools are.
ALTER TABLE catalog_versions DROP CONSTRAINT catalog_versions_kind_check;
ALTER TABLE catalog_versions ADD CONSTRAINT catalog_versions_kind_check
    CHECK (kind IN ('server', 'tool', 'prompt', 'template', 'skill'));
