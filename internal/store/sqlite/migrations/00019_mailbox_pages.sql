-- +goose Up
-- How many mailboxes of an account stand in each stretch of addresses, from the
-- first on up to the next stretch: as account_stretch is for accounts.
CREATE TABLE mailbox_stretch (
	account_id INTEGER NOT NULL,
	domain     TEXT    NOT NULL,
	local      TEXT    NOT NULL,
	mailboxes  INTEGER NOT NULL,
	PRIMARY KEY (account_id, domain, local)
) WITHOUT ROWID;

INSERT INTO mailbox_stretch (account_id, domain, local, mailboxes)
	SELECT account_id, CASE n WHEN 0 THEN '' ELSE domain END, CASE n WHEN 0 THEN '' ELSE local END, mailboxes FROM (
		SELECT account_id, domain, local, position, position / 500 AS n, count(*) OVER (PARTITION BY account_id, position / 500) AS mailboxes
		FROM (SELECT account_id, domain, local, row_number() OVER (PARTITION BY account_id ORDER BY domain, local) - 1 AS position FROM mailbox WHERE stage = 1))
	WHERE position % 500 = 0;

-- +goose StatementBegin
CREATE TRIGGER mailbox_stretch_inserted AFTER INSERT ON mailbox WHEN NEW.stage = 1 BEGIN
	INSERT INTO mailbox_stretch (account_id, domain, local, mailboxes) VALUES (NEW.account_id, '', '', 0) ON CONFLICT DO NOTHING;
	UPDATE mailbox_stretch SET mailboxes = mailboxes + 1 WHERE account_id = NEW.account_id AND (domain, local) = (
		SELECT domain, local FROM mailbox_stretch WHERE account_id = NEW.account_id AND (domain, local) <= (NEW.domain, NEW.local) ORDER BY domain DESC, local DESC LIMIT 1);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER mailbox_stretch_deleted AFTER DELETE ON mailbox WHEN OLD.stage = 1 BEGIN
	UPDATE mailbox_stretch SET mailboxes = mailboxes - 1 WHERE account_id = OLD.account_id AND (domain, local) = (
		SELECT domain, local FROM mailbox_stretch WHERE account_id = OLD.account_id AND (domain, local) <= (OLD.domain, OLD.local) ORDER BY domain DESC, local DESC LIMIT 1);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER mailbox_stretch_begun AFTER UPDATE OF stage ON mailbox WHEN OLD.stage <> 1 AND NEW.stage = 1 BEGIN
	INSERT INTO mailbox_stretch (account_id, domain, local, mailboxes) VALUES (NEW.account_id, '', '', 0) ON CONFLICT DO NOTHING;
	UPDATE mailbox_stretch SET mailboxes = mailboxes + 1 WHERE account_id = NEW.account_id AND (domain, local) = (
		SELECT domain, local FROM mailbox_stretch WHERE account_id = NEW.account_id AND (domain, local) <= (NEW.domain, NEW.local) ORDER BY domain DESC, local DESC LIMIT 1);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER mailbox_stretch_ended AFTER UPDATE OF stage ON mailbox WHEN OLD.stage = 1 AND NEW.stage <> 1 BEGIN
	UPDATE mailbox_stretch SET mailboxes = mailboxes - 1 WHERE account_id = OLD.account_id AND (domain, local) = (
		SELECT domain, local FROM mailbox_stretch WHERE account_id = OLD.account_id AND (domain, local) <= (OLD.domain, OLD.local) ORDER BY domain DESC, local DESC LIMIT 1);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER mailbox_stretch_divided AFTER UPDATE ON mailbox_stretch WHEN NEW.mailboxes > 1000 BEGIN
	INSERT INTO mailbox_stretch (account_id, domain, local, mailboxes)
		SELECT account_id, domain, local, NEW.mailboxes - 500 FROM mailbox
		WHERE account_id = NEW.account_id AND stage = 1 AND (domain, local) >= (NEW.domain, NEW.local) ORDER BY domain, local LIMIT 1 OFFSET 500;
	UPDATE mailbox_stretch SET mailboxes = 500 WHERE account_id = NEW.account_id AND domain = NEW.domain AND local = NEW.local;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER mailbox_stretch_emptied AFTER UPDATE ON mailbox_stretch WHEN NEW.mailboxes = 0 AND (NEW.domain <> '' OR NEW.local <> '') BEGIN
	DELETE FROM mailbox_stretch WHERE account_id = NEW.account_id AND domain = NEW.domain AND local = NEW.local;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER mailbox_stretch_removed AFTER DELETE ON account BEGIN
	DELETE FROM mailbox_stretch WHERE account_id = OLD.id;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER mailbox_stretch_removed;
DROP TRIGGER mailbox_stretch_emptied;
DROP TRIGGER mailbox_stretch_divided;
DROP TRIGGER mailbox_stretch_ended;
DROP TRIGGER mailbox_stretch_begun;
DROP TRIGGER mailbox_stretch_deleted;
DROP TRIGGER mailbox_stretch_inserted;
DROP TABLE mailbox_stretch;
