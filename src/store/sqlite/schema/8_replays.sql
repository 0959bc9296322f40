-- Version 8: what is told again.

ALTER TABLE deliveries ADD COLUMN replay    INTEGER;                      -- the replay that owes it
ALTER TABLE deliveries ADD COLUMN fresh_key INTEGER NOT NULL DEFAULT 0;   -- 1: another message than the first one

-- Of a dead letter: what it opened is over, so nobody is to hear of it any more.
ALTER TABLE deliveries ADD COLUMN is_over   INTEGER NOT NULL DEFAULT 0;
CREATE INDEX deliveries_dead_openings ON deliveries (target, incident)
    WHERE state = 2 AND incident IS NOT NULL AND resolves = 0 AND is_over = 0;

-- Stored events that are told again because somebody wants it. An id is never used again.
CREATE TABLE replays (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    terms      TEXT    NOT NULL,             -- JSON
    by_whom    TEXT    NOT NULL,
    begun_at   INTEGER NOT NULL,
    last       INTEGER NOT NULL,             -- the last event that was there then
    place      INTEGER NOT NULL,             -- how far it has come
    next_at    INTEGER NOT NULL,
    events     INTEGER NOT NULL DEFAULT 0,
    deliveries INTEGER NOT NULL DEFAULT 0,
    ended_at   INTEGER,
    stopped_by TEXT
);
CREATE INDEX replays_running ON replays (id) WHERE ended_at IS NULL;
