-- What a run writes less. Claims are in memory: a database has one owner, and its claims end with it.

-- Effects that were due when they were asked for. Their server has all of them in memory, and finds their rows by ordinal; one that opens
-- the database reads them all. They are few, and no index is written for them.
CREATE TABLE in_hand (
    ordinal   INTEGER NOT NULL PRIMARY KEY, -- The order of being asked for, over both tables.
    tenant    TEXT    NOT NULL,
    id        BLOB    NOT NULL,
    run       BLOB    NOT NULL,
    node_run  BLOB    NOT NULL,
    due_at_ms INTEGER NOT NULL,
    attempt   INTEGER NOT NULL,
    format    INTEGER NOT NULL, -- The event format's version, which covers requests too.
    request   TEXT    NOT NULL  -- JSON.
) STRICT;
