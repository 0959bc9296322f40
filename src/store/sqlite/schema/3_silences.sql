-- Version 3.

-- Who is not told of what for a while, who wanted that and why. An id is never used again.
CREATE TABLE silences (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    matching  TEXT    NOT NULL,              -- JSON object, as `match` of a route
    routes    TEXT    NOT NULL,              -- JSON list of names, empty for all
    targets   TEXT    NOT NULL,              -- JSON list of names, empty for all
    begins_at INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    over_at   INTEGER NOT NULL,              -- the earlier of `until` and `ended_at`
    by_whom   TEXT    NOT NULL,
    why       TEXT    NOT NULL,
    ended_at  INTEGER,
    ended_by  TEXT
);
CREATE INDEX silences_over ON silences (over_at);
