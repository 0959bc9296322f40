-- Version 5: what happened to each event, and by which routing table it was routed.

-- Events that an earlier version kept have no table; nor have those that nobody routed.
ALTER TABLE events ADD COLUMN routed_by INTEGER;

-- The routing tables that were in force. `id` is made of the text.
CREATE TABLE routing_tables (
    id      INTEGER PRIMARY KEY,
    text    TEXT    NOT NULL,                -- JSON: the parts of the configuration it is compiled from
    last_at INTEGER NOT NULL                 -- when it was last put in force
);

-- What happened, in order. `event` is the seq of the event.
CREATE TABLE ledger (
    event  INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    fact   TEXT    NOT NULL,                 -- JSON
    PRIMARY KEY (event, number)
) WITHOUT ROWID;
