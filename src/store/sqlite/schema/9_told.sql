-- Version 9: what the message of a storm tells.

ALTER TABLE slots ADD COLUMN told TEXT;   -- JSON, where the message is to be rewritten
