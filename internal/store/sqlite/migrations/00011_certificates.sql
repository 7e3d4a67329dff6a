-- +goose Up
-- What stands in sealed is encrypted: see decisions/0030-certificates.md.
CREATE TABLE kept (
	account_id INTEGER NOT NULL REFERENCES account(id),
	kind       INTEGER NOT NULL,
	id         TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	created    INTEGER NOT NULL,
	body       BLOB    NOT NULL,
	sealed     BLOB,
	PRIMARY KEY (account_id, kind, id),
	UNIQUE (account_id, kind, name)
);

CREATE TABLE site (
	host       TEXT    PRIMARY KEY,
	account_id INTEGER NOT NULL REFERENCES account(id),
	redirects  INTEGER NOT NULL,
	chain      TEXT    NOT NULL,
	key_id     TEXT    NOT NULL,
	sealed     BLOB,
	installed  INTEGER NOT NULL,
	provider   TEXT    NOT NULL
);
CREATE INDEX site_account ON site (account_id);

CREATE TABLE key_type (
	account_id INTEGER PRIMARY KEY REFERENCES account(id),
	type       TEXT    NOT NULL
);

-- +goose Down
DROP TABLE key_type;
DROP TABLE site;
DROP TABLE kept;
