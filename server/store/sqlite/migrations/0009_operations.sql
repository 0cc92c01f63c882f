-- For keeping a store in order: timers that are claimed apart, finished runs that are removed, and lists of what runs are at.

-- Serves: claiming timers alone, oldest due first, and when the next one is due, while no worker is free for other effects.
CREATE INDEX effects_timers ON effects (due_at_ms) WHERE lease_until_ms IS NULL AND request = '{"type":"wake"}';
-- Serves: a list of runs that are at something that their status does not say, newest first. Few are.
CREATE INDEX runs_by_standing ON runs (tenant, standing, created_at_ms, run) WHERE standing <> 'plain';
-- Serves: the keys of a run, which are removed with it.
CREATE INDEX idempotency_keys_by_run ON idempotency_keys (tenant, run);

-- Runs that have been removed and whose logs are still being deleted, in small steps. No query returns them.
CREATE TABLE removals (
    tenant TEXT NOT NULL,
    run    BLOB NOT NULL,
    PRIMARY KEY (tenant, run)       -- Serves: the next to delete from, and whether a log is to be seen.
) STRICT, WITHOUT ROWID;
-- Serves: the objects that belong to a run, which are removed with it.
CREATE INDEX objects_of_parent ON objects (tenant, parent) WHERE parent IS NOT NULL;
