-- +goose Up
CREATE TABLE forwarder (
	account_id INTEGER NOT NULL REFERENCES account(id),
	domain     TEXT    NOT NULL,
	local      TEXT    NOT NULL,
	dest       TEXT    NOT NULL,
	PRIMARY KEY (account_id, domain, local, dest)
) WITHOUT ROWID;

-- What becomes of mail for a domain that none of its addresses takes.
CREATE TABLE mail_domain (
	account_id INTEGER NOT NULL REFERENCES account(id),
	domain     TEXT    NOT NULL,
	dest       TEXT    NOT NULL,
	forward    TEXT    NOT NULL,
	PRIMARY KEY (account_id, domain)
) WITHOUT ROWID;

CREATE TABLE autoresponder (
	account_id INTEGER NOT NULL REFERENCES account(id),
	domain     TEXT    NOT NULL,
	local      TEXT    NOT NULL,
	sender     TEXT    NOT NULL,
	subject    TEXT    NOT NULL,
	body       TEXT    NOT NULL,
	charset    TEXT    NOT NULL,
	html       INTEGER NOT NULL,
	hours      INTEGER NOT NULL,
	start      INTEGER NOT NULL,
	stop       INTEGER NOT NULL,
	PRIMARY KEY (account_id, domain, local)
) WITHOUT ROWID;

-- Who was answered when, by the program itself.
CREATE TABLE answered (
	account_id INTEGER NOT NULL REFERENCES account(id),
	domain     TEXT    NOT NULL,
	local      TEXT    NOT NULL,
	sender     TEXT    NOT NULL,
	at         INTEGER NOT NULL,
	PRIMARY KEY (account_id, domain, local, sender)
) WITHOUT ROWID;
CREATE INDEX answered_at ON answered (at);

-- The filters of a mailbox, or under '' of the account, as one list in JSON.
CREATE TABLE mail_filter (
	account_id INTEGER NOT NULL REFERENCES account(id),
	domain     TEXT    NOT NULL,
	local      TEXT    NOT NULL,
	body       TEXT    NOT NULL,
	PRIMARY KEY (account_id, domain, local)
) WITHOUT ROWID;

-- The filters of a mailbox go with it.
-- +goose StatementBegin
CREATE TRIGGER filters_of_gone_mailbox AFTER DELETE ON mailbox BEGIN
	DELETE FROM mail_filter WHERE account_id = OLD.account_id AND domain = OLD.domain AND local = OLD.local;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER answered_of_gone AFTER DELETE ON autoresponder BEGIN
	DELETE FROM answered WHERE account_id = OLD.account_id AND domain = OLD.domain AND local = OLD.local;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER answered_of_gone;
DROP TRIGGER filters_of_gone_mailbox;
DROP TABLE mail_filter;
DROP TABLE answered;
DROP TABLE autoresponder;
DROP TABLE mail_domain;
DROP TABLE forwarder;
