-- +goose Up
CREATE TABLE session (
	mac        BLOB    PRIMARY KEY,
	account_id INTEGER NOT NULL REFERENCES account(id),
	mailbox    TEXT    NOT NULL,
	audience   INTEGER NOT NULL,
	prefix     TEXT    NOT NULL,
	proof      BLOB    NOT NULL,
	created    INTEGER NOT NULL,
	used       INTEGER NOT NULL,
	ends       INTEGER NOT NULL,
	hand_over  INTEGER NOT NULL,
	page       TEXT    NOT NULL,
	seal       BLOB    NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_account ON session (account_id, mailbox);

-- What the administrator has set, by name, each a JSON text.
CREATE TABLE setting (
	name TEXT PRIMARY KEY,
	body TEXT NOT NULL
) WITHOUT ROWID;

ALTER TABLE account ADD COLUMN second_factor TEXT NOT NULL DEFAULT '';

-- Whatever changes an account or a mailbox so that nobody may go on in a session
-- that began before, ends its sessions with it.

-- +goose StatementBegin
CREATE TRIGGER session_of_suspended AFTER UPDATE OF suspended ON account WHEN NEW.suspended BEGIN
	DELETE FROM session WHERE account_id = NEW.id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER session_of_password AFTER UPDATE OF password_hash ON account WHEN OLD.password_hash <> NEW.password_hash BEGIN
	DELETE FROM session WHERE account_id = NEW.id AND mailbox = '';
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER session_of_changed_mailbox AFTER UPDATE OF password_hash, suspended_login ON mailbox
	WHEN OLD.password_hash <> NEW.password_hash OR NEW.suspended_login BEGIN
	DELETE FROM session WHERE account_id = NEW.account_id AND mailbox = NEW.local || '@' || NEW.domain;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER session_of_gone_mailbox AFTER DELETE ON mailbox BEGIN
	DELETE FROM session WHERE account_id = OLD.account_id AND mailbox = OLD.local || '@' || OLD.domain;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER session_of_gone_mailbox;
DROP TRIGGER session_of_changed_mailbox;
DROP TRIGGER session_of_password;
DROP TRIGGER session_of_suspended;
ALTER TABLE account DROP COLUMN second_factor;
DROP TABLE setting;
DROP TABLE session;
