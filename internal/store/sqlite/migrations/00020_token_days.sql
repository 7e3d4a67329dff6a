-- +goose Up
-- How often tokens were used, by day: days since 1970, in UTC.
CREATE TABLE token_day (
	token_id INTEGER NOT NULL,
	day      INTEGER NOT NULL,
	calls    INTEGER NOT NULL,
	refused  INTEGER NOT NULL,
	PRIMARY KEY (token_id, day)
) WITHOUT ROWID;
CREATE INDEX token_day_by_day ON token_day (day);

-- +goose Down
DROP TABLE token_day;
