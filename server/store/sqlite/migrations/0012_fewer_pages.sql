-- What a run writes less: fewer pages for each commit.

-- Events that are committed together are one row, a line for each: one entry in the index instead of one for each event.
ALTER TABLE log ADD COLUMN count INTEGER NOT NULL DEFAULT 1; -- How many events; `position` is that of the first.
ALTER TABLE log ADD COLUMN packed BLOB; -- The lines, packed; `event` is then empty.

-- Runs with row ids: with small pages a row of a table without them is soon too long for its page, and each change then writes three
-- pages more.
CREATE TABLE runs_with_row_ids (
    tenant        TEXT    NOT NULL,
    run           BLOB    NOT NULL,
    name          TEXT,
    face          TEXT    NOT NULL,
    node_type     TEXT    NOT NULL,
    title         TEXT,
    status        TEXT    NOT NULL,
    reason        TEXT,
    version       INTEGER NOT NULL, -- The position of the last event.
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    ended_at_ms   INTEGER,
    thread        TEXT,
    turn          INTEGER,
    standing      TEXT    NOT NULL DEFAULT 'plain',
    in_hand       BLOB     -- One of its effects that was due when it was asked for: a run that does one thing after the other writes no other page for them.
) STRICT;
INSERT INTO runs_with_row_ids (tenant, run, name, face, node_type, title, status, reason, version, created_at_ms, updated_at_ms, ended_at_ms,
    thread, turn, standing)
SELECT tenant, run, name, face, node_type, title, status, reason, version, created_at_ms, updated_at_ms, ended_at_ms, thread, turn, standing
FROM runs ORDER BY created_at_ms, run;
DROP TABLE runs;
ALTER TABLE runs_with_row_ids RENAME TO runs;
-- Serves: one run's row, and the version check of every append. Keeps: one row per run.
CREATE UNIQUE INDEX runs_by_id ON runs (tenant, run);
-- Serves: the run with a client-chosen name. Keeps: names unique in their tenant.
CREATE UNIQUE INDEX runs_by_name ON runs (tenant, name) WHERE name IS NOT NULL;
-- Serves: a list of all runs, newest first.
CREATE INDEX runs_by_creation ON runs (tenant, created_at_ms, run);
-- Serves: a list of runs in one status, newest first.
CREATE INDEX runs_by_status ON runs (tenant, status, created_at_ms, run);
-- Serves: a list of runs of one root node type, newest first.
CREATE INDEX runs_by_node_type ON runs (tenant, node_type, created_at_ms, run);
-- Serves: a list of runs that were started through one API, newest first.
CREATE INDEX runs_by_face ON runs (tenant, face, created_at_ms, run);
-- Serves: a thread's runs in order, and the last of them. Keeps: one run per turn, so that of two that want to go on with a thread
-- at once, one does.
CREATE UNIQUE INDEX runs_by_turn ON runs (tenant, thread, turn) WHERE thread IS NOT NULL;
-- Serves: a list of runs that are at something that their status does not say, newest first. Few are.
CREATE INDEX runs_by_standing ON runs (tenant, standing, created_at_ms, run) WHERE standing <> 'plain';

-- How many runs there are in each status: one row, changed in place, where there were differences to sum. There is one writer.
CREATE TABLE status_counts (
    tenant TEXT    NOT NULL,
    status TEXT    NOT NULL,
    runs   INTEGER NOT NULL,
    PRIMARY KEY (tenant, status) -- Serves: counts of a tenant, and which tenants there are.
) STRICT, WITHOUT ROWID;
INSERT INTO status_counts (tenant, status, runs) SELECT tenant, status, sum(runs) FROM status_deltas GROUP BY tenant, status;
DROP TABLE status_deltas;
