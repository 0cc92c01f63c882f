-- Approval requests: derived from the log and written with it.

CREATE TABLE approvals (
    tenant      TEXT    NOT NULL,
    approval    BLOB    NOT NULL,
    run         BLOB    NOT NULL,
    node_run    BLOB    NOT NULL,
    subject     TEXT    NOT NULL, -- The plan, or whether the node run may begin.
    key         TEXT    NOT NULL,
    node_type   TEXT    NOT NULL,
    title       TEXT,
    status      TEXT    NOT NULL,
    asked_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER,
    decided_by  TEXT,
    comment     TEXT,
    PRIMARY KEY (tenant, approval)  -- Serves: one approval, and with it its run.
) STRICT, WITHOUT ROWID;
-- Serves: a list of all approvals, newest first.
CREATE INDEX approvals_by_time ON approvals (tenant, asked_at_ms, approval);
-- Serves: a list of approvals in one status, newest first; above all of those that are pending.
CREATE INDEX approvals_by_status ON approvals (tenant, status, asked_at_ms, approval);
-- Serves: a list of the approvals of one run, newest first.
CREATE INDEX approvals_by_run ON approvals (tenant, run, asked_at_ms, approval);
