-- +goose Up
-- Sources whose sign-ins failed, as the throttle counts them. What it has in
-- memory decides; this is what it begins with after a restart.
CREATE TABLE source (
	key    INTEGER PRIMARY KEY,
	level  REAL    NOT NULL,
	at     INTEGER NOT NULL,
	until  INTEGER NOT NULL,
	count  INTEGER NOT NULL,
	known  INTEGER NOT NULL,
	excess INTEGER NOT NULL
);

-- The token that a session was made with: it ends when that may not be used any
-- more.
ALTER TABLE session ADD COLUMN token BLOB NOT NULL DEFAULT x'';
CREATE INDEX session_token ON session (token) WHERE token <> x'';

-- +goose StatementBegin
CREATE TRIGGER session_of_gone_token AFTER DELETE ON token BEGIN
	DELETE FROM session WHERE token <> x'' AND token = OLD.mac;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER session_of_disabled_token AFTER UPDATE OF state ON token WHEN NEW.state <> 0 BEGIN
	DELETE FROM session WHERE token <> x'' AND token IN (OLD.mac, NEW.mac);
END;
-- +goose StatementEnd

-- What is to be told to owners by mail. A notice that is due at 0 is done with:
-- it is kept for a while, so that nobody is told too much.
CREATE TABLE notice (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	account_id INTEGER NOT NULL REFERENCES account(id),
	at         INTEGER NOT NULL,
	due        INTEGER NOT NULL,
	tries      INTEGER NOT NULL,
	address    TEXT    NOT NULL,
	body       BLOB    NOT NULL
);
CREATE INDEX notice_due ON notice (due, id) WHERE due > 0;
CREATE INDEX notice_account ON notice (account_id, at);

-- The kinds of notices that an account's owner does not want.
CREATE TABLE notice_off (
	account_id INTEGER PRIMARY KEY REFERENCES account(id),
	kinds      TEXT    NOT NULL
);

-- The networks that each token was used from.
CREATE TABLE token_network (
	token_id INTEGER NOT NULL,
	network  TEXT    NOT NULL,
	at       INTEGER NOT NULL,
	PRIMARY KEY (token_id, network)
) WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER networks_of_gone_token AFTER DELETE ON token BEGIN
	DELETE FROM token_network WHERE token_id = OLD.id;
	DELETE FROM token_told WHERE token_id = OLD.id;
END;
-- +goose StatementEnd

-- Of tokens whose terms can end them, that their owner was told so.
CREATE TABLE token_told (
	token_id INTEGER PRIMARY KEY,
	what     TEXT NOT NULL
);
CREATE INDEX token_terms ON token (id) WHERE max_uses > 0 OR unused_days > 0;

-- Tokens by when they end.
CREATE INDEX token_ends ON token (expires, id) WHERE expires > 0;

-- +goose Down
DROP INDEX token_ends;
DROP TRIGGER networks_of_gone_token;
DROP INDEX token_terms;
DROP TABLE token_told;
DROP TABLE token_network;
DROP TABLE notice_off;
DROP TABLE notice;
DROP TRIGGER session_of_disabled_token;
DROP TRIGGER session_of_gone_token;
DROP INDEX session_token;
ALTER TABLE session DROP COLUMN token;
DROP TABLE source;
