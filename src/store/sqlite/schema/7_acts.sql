-- Version 7.

-- What operators did: who, when, what, to what. A number is never used again.
CREATE TABLE acts (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    by_token TEXT    NOT NULL,               -- the name of the token that was shown
    by_whom  TEXT,                           -- the person who was named
    what     TEXT    NOT NULL,               -- a closed word
    subject  TEXT    NOT NULL,               -- to what
    detail   TEXT    NOT NULL                -- JSON object
);
CREATE INDEX acts_at ON acts (at);
