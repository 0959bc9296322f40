-- Version 1. Times are milliseconds since 1970-01-01T00:00:00Z.

-- One row for each event, in the order of arrival; `seq` is never reused (pruning leaves the newest row).
CREATE TABLE events (
    seq         INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL,            -- unique: see event_keys
    received_at INTEGER NOT NULL,
    record      BLOB    NOT NULL,            -- the normalised event, JSON
    body        BLOB    NOT NULL,            -- the body as received
    duplicates  INTEGER NOT NULL DEFAULT 0,
    conflicts   INTEGER NOT NULL DEFAULT 0   -- repeats with another body
);
CREATE INDEX events_received ON events (received_at);

-- Where an id is found: a key made of it, and the event. Lags behind `events`, by design: covers them up to `indexed_to`.
CREATE TABLE event_keys (
    key BLOB    PRIMARY KEY,
    seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE event_index (indexed_to INTEGER NOT NULL);
INSERT INTO event_index VALUES (0);

-- What events owe. `id` is (seq of the event) * 65536 + n: it leads to its event without another index.
CREATE TABLE deliveries (
    id         INTEGER PRIMARY KEY,
    route      TEXT    NOT NULL,
    target     TEXT    NOT NULL,
    severity   TEXT    NOT NULL,
    state      INTEGER NOT NULL DEFAULT 0,   -- 0 pending, 1 delivered, 2 dead
    attempts   INTEGER NOT NULL DEFAULT 0,
    leased     INTEGER NOT NULL DEFAULT 0,   -- 1 while an attempt holds it; then due_at is the end of the lease
    due_at     INTEGER NOT NULL,
    settled_at INTEGER,
    reason     TEXT,
    detail     TEXT
);
CREATE INDEX deliveries_due  ON deliveries (target, due_at) WHERE state = 0;
CREATE INDEX deliveries_dead ON deliveries (target) WHERE state = 2;

-- What a target asked of all its deliveries.
CREATE TABLE targets (
    name         TEXT PRIMARY KEY,
    paused_until INTEGER
) WITHOUT ROWID;
