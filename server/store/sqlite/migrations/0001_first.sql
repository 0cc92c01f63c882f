-- The first schema. Ids are 16-byte BLOBs, times are Unix milliseconds, `tenant` stands in every key.

-- Facts about this database: which application it belongs to, and the newest event format in it.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened. Only ever appended to. Not clustered by run: rows that are written together lie together, which writes a
-- third of the pages that a table in key order does.
CREATE TABLE log (
    tenant   TEXT    NOT NULL,
    run      BLOB    NOT NULL,
    position INTEGER NOT NULL,
    at_ms    INTEGER NOT NULL,
    format   INTEGER NOT NULL, -- The event format's version.
    event    TEXT    NOT NULL  -- JSON.
) STRICT;
-- Serves: a run's log after a position. Keeps: one event per position.
CREATE UNIQUE INDEX log_by_position ON log (tenant, run, position);

-- What lists show, derived from the log and written with it.
CREATE TABLE runs (
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
    PRIMARY KEY (tenant, run)       -- Serves: one run's row, and the version check of every append.
) STRICT, WITHOUT ROWID;
-- Serves: the run with a client-chosen name. Keeps: names unique in their tenant.
CREATE UNIQUE INDEX runs_by_name ON runs (tenant, name) WHERE name IS NOT NULL;
-- Serves: a list of all runs, newest first.
CREATE INDEX runs_by_creation ON runs (tenant, created_at_ms, run);
-- Serves: a list of runs in one status, newest first.
CREATE INDEX runs_by_status ON runs (tenant, status, created_at_ms, run);
-- Serves: a list of runs of one root node type, newest first.
CREATE INDEX runs_by_node_type ON runs (tenant, node_type, created_at_ms, run);
-- Serves: a list of runs started through one API, newest first.
CREATE INDEX runs_by_face ON runs (tenant, face, created_at_ms, run);

-- Which run a node run belongs to.
CREATE TABLE node_runs (
    tenant   TEXT NOT NULL,
    node_run BLOB NOT NULL,
    run      BLOB NOT NULL,
    PRIMARY KEY (tenant, node_run)  -- Serves: the run of a node run.
) STRICT, WITHOUT ROWID;

-- Effects that are not done, timers included. `lease_until_ms` is set while one is claimed; `epoch` counts claims.
CREATE TABLE effects (
    ordinal        INTEGER NOT NULL PRIMARY KEY, -- The order of being asked for.
    tenant         TEXT    NOT NULL,
    id             BLOB    NOT NULL,
    run            BLOB    NOT NULL,
    node_run       BLOB    NOT NULL,
    due_at_ms      INTEGER NOT NULL,
    attempt        INTEGER NOT NULL,
    format         INTEGER NOT NULL, -- The event format's version, which covers requests too.
    request        TEXT    NOT NULL, -- JSON.
    epoch          INTEGER NOT NULL DEFAULT 0,
    claimed_by     TEXT,
    lease_until_ms INTEGER
) STRICT;
-- Serves: settling, dropping and renewing. The id comes first because a renewal spans tenants.
CREATE UNIQUE INDEX effects_by_id ON effects (id, tenant);
-- Serves: claiming, oldest due first (then by ordinal), and when the next free one is due.
CREATE INDEX effects_free ON effects (due_at_ms) WHERE lease_until_ms IS NULL;
-- Serves: freeing what a lease has run out for, and when the next lease does.
CREATE INDEX effects_leased ON effects (lease_until_ms) WHERE lease_until_ms IS NOT NULL;

-- Idempotency keys and what they were used for.
CREATE TABLE idempotency_keys (
    tenant      TEXT    NOT NULL,
    scope       TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    run         BLOB    NOT NULL,
    at_ms       INTEGER NOT NULL,
    PRIMARY KEY (tenant, scope, key) -- Serves: what a key was used for. Keeps: one use per key.
) STRICT, WITHOUT ROWID;

-- How the number of runs in a status changed, one row per transaction and status; their sum is the number. Old rows are
-- replaced by their sum in small bites.
CREATE TABLE status_deltas (
    tenant  TEXT    NOT NULL,
    status  TEXT    NOT NULL,
    ordinal INTEGER NOT NULL,
    runs    INTEGER NOT NULL,
    PRIMARY KEY (tenant, status, ordinal) -- Serves: counts of a tenant, and the oldest rows to compact.
) STRICT, WITHOUT ROWID;
