-- API keys. What is kept of a key's secret half is its SHA-256; the public half is its id.

CREATE TABLE api_keys (
    -- Serves: the key that a request shows. By id alone, because the owner is the result.
    id            TEXT    NOT NULL PRIMARY KEY,
    tenant        TEXT    NOT NULL,
    name          TEXT,
    secret_sha256 BLOB    NOT NULL,
    scopes        TEXT    NOT NULL, -- Words, one space between two.
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    revoked_at_ms INTEGER
) STRICT, WITHOUT ROWID;
-- Serves: the keys of one tenant, and of all, oldest first within a tenant.
CREATE UNIQUE INDEX api_keys_by_tenant ON api_keys (tenant, created_at_ms, id);
