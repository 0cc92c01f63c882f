-- What runs pass through to integrations, sealed. Written with the run's first event, and removed with its last.

CREATE TABLE sealed (
    tenant TEXT NOT NULL,
    run    BLOB NOT NULL,
    name   TEXT NOT NULL,
    bytes  BLOB NOT NULL,
    PRIMARY KEY (tenant, run, name) -- Serves: what one run has under a name, and the removal of all that it has.
) STRICT, WITHOUT ROWID;
