-- Large values, beside the log: each once in its tenant, under the SHA-256 of its text. Events hold references to them.
CREATE TABLE large_values (
    tenant TEXT NOT NULL,
    digest BLOB NOT NULL,
    value  TEXT NOT NULL            -- Compact JSON.
) STRICT;
-- Serves: a value by its digest. Keeps: one copy.
CREATE UNIQUE INDEX large_values_by_digest ON large_values (tenant, digest);

-- Which runs name a value. It goes with the last of them.
CREATE TABLE value_names (
    tenant TEXT NOT NULL,
    run    BLOB NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (tenant, run, digest) -- Serves: whether a run names a value, and what goes with a run.
) STRICT, WITHOUT ROWID;
-- Serves: whether another run names a value.
CREATE INDEX value_names_by_digest ON value_names (tenant, digest);
