-- +goose Up
-- Lists of accounts by name, read page by page: the index alone says which.
CREATE INDEX account_ready ON account (name) WHERE stage = 1 AND role = 0;
CREATE INDEX account_owner ON account (owner, name) WHERE stage = 1 AND role = 0;
CREATE INDEX account_package ON account (package);

-- How many accounts each owner has, and under * how many there are: counting
-- them would take longer the more there are.
CREATE TABLE account_count (
	owner     TEXT    PRIMARY KEY,
	accounts  INTEGER NOT NULL,
	suspended INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO account_count (owner, accounts, suspended)
	SELECT owner, count(*), sum(suspended) FROM account WHERE stage = 1 AND role = 0 GROUP BY owner;
INSERT INTO account_count (owner, accounts, suspended)
	SELECT '*', count(*), coalesce(sum(suspended), 0) FROM account WHERE stage = 1 AND role = 0;

-- +goose StatementBegin
CREATE TRIGGER account_counted AFTER INSERT ON account WHEN NEW.stage = 1 AND NEW.role = 0 BEGIN
	INSERT INTO account_count (owner, accounts, suspended) VALUES ('*', 1, NEW.suspended), (NEW.owner, 1, NEW.suspended)
		ON CONFLICT (owner) DO UPDATE SET accounts = accounts + 1, suspended = suspended + excluded.suspended;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER account_uncounted AFTER DELETE ON account WHEN OLD.stage = 1 AND OLD.role = 0 BEGIN
	UPDATE account_count SET accounts = accounts - 1, suspended = suspended - OLD.suspended WHERE owner IN ('*', OLD.owner);
	DELETE FROM account_count WHERE owner = OLD.owner AND accounts = 0;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER account_recounted AFTER UPDATE ON account
	WHEN OLD.owner <> NEW.owner OR OLD.stage <> NEW.stage OR OLD.role <> NEW.role OR OLD.suspended <> NEW.suspended BEGIN
	UPDATE account_count SET accounts = accounts - 1, suspended = suspended - OLD.suspended
		WHERE owner IN ('*', OLD.owner) AND OLD.stage = 1 AND OLD.role = 0;
	INSERT INTO account_count (owner, accounts, suspended)
		SELECT value, 1, NEW.suspended FROM (SELECT '*' AS value UNION ALL SELECT NEW.owner) WHERE NEW.stage = 1 AND NEW.role = 0
		ON CONFLICT (owner) DO UPDATE SET accounts = accounts + 1, suspended = suspended + excluded.suspended;
	DELETE FROM account_count WHERE owner = OLD.owner AND accounts = 0;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER account_recounted;
DROP TRIGGER account_uncounted;
DROP TRIGGER account_counted;
DROP TABLE account_count;
DROP INDEX account_package;
DROP INDEX account_owner;
DROP INDEX account_ready;
