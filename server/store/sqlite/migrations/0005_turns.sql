-- Where a run stands in a thread. Absent where it is the first of a thread of its own.

ALTER TABLE runs ADD COLUMN thread TEXT;
ALTER TABLE runs ADD COLUMN turn INTEGER;
-- Serves: a thread's runs in order, and the last of them. Keeps: one run per turn, so that of two that want to go on with a thread
-- at once, one does.
CREATE UNIQUE INDEX runs_by_turn ON runs (tenant, thread, turn) WHERE thread IS NOT NULL;
