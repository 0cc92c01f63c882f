-- Small objects that APIs store beside their runs. A table with row ids, because bodies may be large.

CREATE TABLE objects (
    tenant        TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    name          TEXT,
    parent        TEXT,
    version       INTEGER NOT NULL, -- How often it has been written.
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    body          TEXT    NOT NULL  -- JSON.
) STRICT;
-- Serves: one object, and the version check of every change. Keeps: ids unique in their tenant and kind.
CREATE UNIQUE INDEX objects_by_id ON objects (tenant, kind, id);
-- Serves: the object with a name. Keeps: names unique in their tenant and kind.
CREATE UNIQUE INDEX objects_by_name ON objects (tenant, kind, name) WHERE name IS NOT NULL;
-- Serves: a list of all objects of a kind, newest first.
CREATE INDEX objects_by_creation ON objects (tenant, kind, created_at_ms, id);
-- Serves: a list of the objects of one parent, newest first.
CREATE INDEX objects_by_parent ON objects (tenant, kind, parent, created_at_ms, id) WHERE parent IS NOT NULL;
