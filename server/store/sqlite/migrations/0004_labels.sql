-- By which runs are found again: values by name, several to a name. Written with the run's first event and never changed.

CREATE TABLE labels (
    tenant        TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    value         TEXT    NOT NULL,
    created_at_ms INTEGER NOT NULL, -- The run's.
    run           BLOB    NOT NULL,
    -- Serves: a list of runs with a label, newest first, and whether a run has one.
    PRIMARY KEY (tenant, name, value, created_at_ms, run)
) STRICT, WITHOUT ROWID;
