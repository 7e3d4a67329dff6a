-- +goose Up
-- What tokens that are watched were used for. Of the account as a whole kind is ''.
CREATE TABLE token_observed (
	token_id INTEGER NOT NULL,
	module   TEXT    NOT NULL,
	func     TEXT    NOT NULL,
	writes   INTEGER NOT NULL,
	kind     TEXT    NOT NULL,
	zone     TEXT    NOT NULL,
	name     TEXT    NOT NULL,
	type     TEXT    NOT NULL,
	listed   INTEGER NOT NULL,
	count    INTEGER NOT NULL,
	first    INTEGER NOT NULL,
	last     INTEGER NOT NULL,
	PRIMARY KEY (token_id, module, func, kind, zone, name, type, listed)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE token_observed;
