-- +goose Up
ALTER TABLE token ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE token ADD COLUMN max_uses INTEGER NOT NULL DEFAULT 0;
ALTER TABLE token ADD COLUMN unused_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE token ADD COLUMN rate_limit INTEGER NOT NULL DEFAULT 0;
ALTER TABLE token ADD COLUMN observing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE token ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE token ADD COLUMN renewed INTEGER NOT NULL DEFAULT 0;
-- The secret that a token had before.
ALTER TABLE token ADD COLUMN was BLOB;
ALTER TABLE token ADD COLUMN was_head INTEGER;
ALTER TABLE token ADD COLUMN was_until INTEGER NOT NULL DEFAULT 0;
CREATE INDEX token_was ON token (was_head) WHERE was_head IS NOT NULL;

-- What is counted of tokens that may make so many calls, ever or in a minute.
CREATE TABLE token_tally (
	token_id     INTEGER PRIMARY KEY,
	uses         INTEGER NOT NULL,
	seal         BLOB    NOT NULL,
	remaining    INTEGER NOT NULL,
	remaining_at INTEGER NOT NULL
);

-- +goose Down
DROP TABLE token_tally;
DROP INDEX token_was;
ALTER TABLE token DROP COLUMN was_until;
ALTER TABLE token DROP COLUMN was_head;
ALTER TABLE token DROP COLUMN was;
ALTER TABLE token DROP COLUMN renewed;
ALTER TABLE token DROP COLUMN note;
ALTER TABLE token DROP COLUMN observing;
ALTER TABLE token DROP COLUMN rate_limit;
ALTER TABLE token DROP COLUMN unused_days;
ALTER TABLE token DROP COLUMN max_uses;
ALTER TABLE token DROP COLUMN not_before;
