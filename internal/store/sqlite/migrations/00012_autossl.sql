-- +goose Up
CREATE TABLE autossl (
	host       TEXT    PRIMARY KEY,
	account_id INTEGER NOT NULL REFERENCES account(id),
	excluded   INTEGER NOT NULL,
	problem    TEXT    NOT NULL,
	at         INTEGER NOT NULL,
	tries      INTEGER NOT NULL,
	due        INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX autossl_account ON autossl (account_id);

-- +goose Down
DROP TABLE autossl;
