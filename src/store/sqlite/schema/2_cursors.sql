-- Version 2.

-- What a source remembers between runs; only the source knows what the value means.
CREATE TABLE cursors (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
