-- +goose Up
-- A host whose addresses follow whoever calls its address back. What is called
-- is found by its MAC; sealed is the same under a key that is not here, for those
-- who may see it. v4 and v6 are the addresses that a call has set last.
CREATE TABLE dynamic_host (
	name        TEXT    PRIMARY KEY,
	account_id  INTEGER NOT NULL REFERENCES account(id),
	zone        TEXT    NOT NULL,
	mac         BLOB    NOT NULL UNIQUE,
	sealed      TEXT    NOT NULL,
	description TEXT    NOT NULL,
	created     INTEGER NOT NULL,
	updated     INTEGER NOT NULL,
	runs        TEXT    NOT NULL,
	v4          TEXT    NOT NULL,
	v6          TEXT    NOT NULL
) WITHOUT ROWID;
CREATE INDEX dynamic_host_account ON dynamic_host (account_id);

-- A private key that signs the mail of a domain, sealed.
CREATE TABLE dkim_key (
	domain     TEXT    PRIMARY KEY,
	account_id INTEGER NOT NULL REFERENCES account(id),
	sealed     TEXT    NOT NULL,
	created    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX dkim_key_account ON dkim_key (account_id);

-- +goose Down
DROP TABLE dkim_key;
DROP TABLE dynamic_host;
