-- +goose Up
-- Which accounts changed in what they are searched by, in order: what is kept in
-- memory to search them is brought up to date by it. Accounts that are no more stay.
CREATE TABLE account_touched (
	account_id INTEGER PRIMARY KEY,
	seq        INTEGER NOT NULL
);
CREATE UNIQUE INDEX account_touched_seq ON account_touched (seq);

-- +goose StatementBegin
CREATE TRIGGER touched_inserted AFTER INSERT ON account BEGIN
	INSERT INTO account_touched (account_id, seq) SELECT NEW.id, coalesce(max(seq), 0) + 1 FROM account_touched WHERE true
		ON CONFLICT (account_id) DO UPDATE SET seq = excluded.seq;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER touched_updated AFTER UPDATE OF name, domain, owner, package, stage, role ON account
	WHEN OLD.name <> NEW.name OR OLD.domain <> NEW.domain OR OLD.owner <> NEW.owner OR OLD.package <> NEW.package OR OLD.stage <> NEW.stage OR OLD.role <> NEW.role BEGIN
	INSERT INTO account_touched (account_id, seq) SELECT NEW.id, coalesce(max(seq), 0) + 1 FROM account_touched WHERE true
		ON CONFLICT (account_id) DO UPDATE SET seq = excluded.seq;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER touched_deleted AFTER DELETE ON account BEGIN
	INSERT INTO account_touched (account_id, seq) SELECT OLD.id, coalesce(max(seq), 0) + 1 FROM account_touched WHERE true
		ON CONFLICT (account_id) DO UPDATE SET seq = excluded.seq;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER touched_deleted;
DROP TRIGGER touched_updated;
DROP TRIGGER touched_inserted;
DROP TABLE account_touched;
