-- Version 6: what people look for.

-- The words of each event, see the room `store::search`. Lags behind `events`, by design: covers them up to `indexed_to`.
CREATE VIRTUAL TABLE event_search USING fts5 (
    terms, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
CREATE TABLE search_index (indexed_to INTEGER NOT NULL);
INSERT INTO search_index VALUES (0);

-- All that a target was or is owed, by state; in the index by arrival, because the id comes last.
DROP INDEX deliveries_dead;
CREATE INDEX deliveries_of_target ON deliveries (target, state);
