-- Version 4: what leaves together, incidents, how targets stand.

ALTER TABLE deliveries ADD COLUMN received_at  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN origin       INTEGER NOT NULL DEFAULT 0;   -- 0 a route, 1 fallback, 2 an incident timed out
ALTER TABLE deliveries ADD COLUMN group_key    TEXT;
ALTER TABLE deliveries ADD COLUMN swept        INTEGER NOT NULL DEFAULT 0;   -- 1: a storm of its route sweeps it up; 2: it came in one
ALTER TABLE deliveries ADD COLUMN incident     TEXT;                         -- the key
ALTER TABLE deliveries ADD COLUMN resolves     INTEGER NOT NULL DEFAULT 0;   -- 1: ends the incident
ALTER TABLE deliveries ADD COLUMN opened_by    INTEGER;                      -- the delivery that opened what this one ends
ALTER TABLE deliveries ADD COLUMN tried        INTEGER NOT NULL DEFAULT 0;   -- 1: an attempt failed
ALTER TABLE deliveries ADD COLUMN behind       INTEGER NOT NULL DEFAULT 0;   -- 1: waits for an earlier one of its incident
ALTER TABLE deliveries ADD COLUMN told         INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN lease        INTEGER;                      -- who holds it; then due_at is the end of the lease
ALTER TABLE deliveries ADD COLUMN interrupted  INTEGER NOT NULL DEFAULT 0;   -- 1: its holder died
ALTER TABLE deliveries ADD COLUMN fell_back_to TEXT;
ALTER TABLE deliveries ADD COLUMN receipt      TEXT;                         -- what the target gave for it

-- state: 0 pending, 1 delivered, 2 dead, 3 silenced, 4 superseded
UPDATE deliveries
SET received_at = ifnull((SELECT received_at FROM events WHERE seq = deliveries.id / 65536), 0),
    tried = attempts > 0, interrupted = leased, due_at = iif(leased, 0, due_at)
WHERE state = 0;

DROP INDEX deliveries_due;
ALTER TABLE deliveries DROP COLUMN leased;
CREATE INDEX deliveries_due ON deliveries (target, behind, tried, due_at) WHERE state = 0;
CREATE INDEX deliveries_group ON deliveries (target, route, group_key) WHERE state = 0 AND group_key IS NOT NULL;
CREATE INDEX deliveries_swept ON deliveries (target, route) WHERE state = 0 AND swept > 0;
CREATE INDEX deliveries_incident ON deliveries (target, incident) WHERE state = 0 AND incident IS NOT NULL;

-- How a target stands: JSON, see the room `target`.
ALTER TABLE targets ADD COLUMN state TEXT NOT NULL DEFAULT '{}';
UPDATE targets
SET state = json_object('paused_until', strftime('%Y-%m-%dT%H:%M:%fZ', paused_until / 1000.0, 'unixepoch'))
WHERE paused_until IS NOT NULL;
ALTER TABLE targets DROP COLUMN paused_until;

CREATE TABLE incidents (
    target        TEXT    NOT NULL,
    key           TEXT    NOT NULL,
    route         TEXT    NOT NULL,
    severity      TEXT    NOT NULL,
    swept         INTEGER NOT NULL,
    opened_by     INTEGER NOT NULL,   -- deliveries
    last          INTEGER NOT NULL,
    ending        INTEGER,
    last_at       INTEGER NOT NULL,
    told          INTEGER NOT NULL,
    closing       INTEGER NOT NULL,
    resolve_after INTEGER,            -- milliseconds
    resolve_at    INTEGER,
    receipt       TEXT,
    fell_back_to  TEXT,
    PRIMARY KEY (target, key)
) WITHOUT ROWID;
CREATE INDEX incidents_timeout ON incidents (target, resolve_at) WHERE resolve_at IS NOT NULL;

-- When what leaves together may leave again.
CREATE TABLE slots (
    target      TEXT    NOT NULL,
    route       TEXT    NOT NULL,
    which       TEXT    NOT NULL,
    not_before  INTEGER,
    held        INTEGER NOT NULL,
    storm_since INTEGER,
    receipt     TEXT,
    PRIMARY KEY (target, route, which)
) WITHOUT ROWID;

CREATE INDEX slots_over ON slots (target, not_before) WHERE held = 0;

CREATE TABLE storms (
    route    TEXT PRIMARY KEY,
    empty_at INTEGER NOT NULL,        -- microseconds
    since    INTEGER
) WITHOUT ROWID;
