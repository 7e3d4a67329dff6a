-- +goose Up
-- Mail that waits to leave the server, a row for each recipient. What a message says
-- is in a file of that name; messages to several recipients share one.
CREATE TABLE outgoing (
	id         INTEGER PRIMARY KEY,
	account_id INTEGER NOT NULL REFERENCES account(id),
	domain     TEXT    NOT NULL,
	local      TEXT    NOT NULL,
	sender     TEXT    NOT NULL,
	recipient  TEXT    NOT NULL,
	body       TEXT    NOT NULL,
	bytes      INTEGER NOT NULL,
	own        INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	due        INTEGER NOT NULL,
	tries      INTEGER NOT NULL,
	held       INTEGER NOT NULL
);
CREATE INDEX outgoing_due ON outgoing (due, id) WHERE held = 0;
CREATE INDEX outgoing_place ON outgoing (account_id, domain, local, held, bytes);
CREATE INDEX outgoing_body ON outgoing (body);

-- What is held for a mailbox goes with it.
-- +goose StatementBegin
CREATE TRIGGER held_of_gone_mailbox AFTER DELETE ON mailbox BEGIN
	DELETE FROM outgoing WHERE account_id = OLD.account_id AND domain = OLD.domain AND local = OLD.local AND held = 1;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER held_of_gone_mailbox;
DROP TABLE outgoing;
