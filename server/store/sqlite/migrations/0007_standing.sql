-- What a run that has not ended is at, where its status does not say. Of runs that are at something now, it is said with their next
-- event.

ALTER TABLE runs ADD COLUMN standing TEXT NOT NULL DEFAULT 'plain';
