-- +goose Up
-- A zone is the text of its parts, in the order in which parts lists their keys:
-- an edit writes those parts anew in which something changes.
CREATE TABLE zone (
	name       TEXT    PRIMARY KEY,
	account_id INTEGER NOT NULL REFERENCES account(id),
	version    INTEGER NOT NULL,
	serial     INTEGER NOT NULL,
	parts      TEXT    NOT NULL
) WITHOUT ROWID;
CREATE INDEX zone_account ON zone (account_id);

CREATE TABLE zone_part (
	zone TEXT    NOT NULL,
	key  INTEGER NOT NULL,
	body TEXT    NOT NULL,
	PRIMARY KEY (zone, key)
);

-- +goose Down
DROP TABLE zone_part;
DROP TABLE zone;
