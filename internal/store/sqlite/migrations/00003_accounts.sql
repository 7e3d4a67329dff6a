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

-- How many accounts stand in each stretch of names, from the first on up to the
-- next stretch: where the thousandth page begins is found without passing over
-- all that stand before it. A stretch that grows long becomes two.
CREATE TABLE account_stretch (
	first    TEXT    PRIMARY KEY,
	accounts INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO account_stretch (first, accounts)
	SELECT CASE n WHEN 0 THEN '' ELSE min(name) END, count(*)
	FROM (SELECT name, (row_number() OVER (ORDER BY name) - 1) / 2000 AS n FROM account WHERE stage = 1 AND role = 0) GROUP BY n;
INSERT INTO account_stretch (first, accounts) VALUES ('', 0) ON CONFLICT (first) DO NOTHING;

-- +goose StatementBegin
CREATE TRIGGER stretch_inserted AFTER INSERT ON account WHEN NEW.stage = 1 AND NEW.role = 0 BEGIN
	UPDATE account_stretch SET accounts = accounts + 1 WHERE first = (SELECT max(first) FROM account_stretch WHERE first <= NEW.name);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER stretch_deleted AFTER DELETE ON account WHEN OLD.stage = 1 AND OLD.role = 0 BEGIN
	UPDATE account_stretch SET accounts = accounts - 1 WHERE first = (SELECT max(first) FROM account_stretch WHERE first <= OLD.name);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER stretch_updated AFTER UPDATE ON account WHEN OLD.name <> NEW.name OR OLD.stage <> NEW.stage OR OLD.role <> NEW.role BEGIN
	UPDATE account_stretch SET accounts = accounts - 1
		WHERE first = (SELECT max(first) FROM account_stretch WHERE first <= OLD.name) AND OLD.stage = 1 AND OLD.role = 0;
	UPDATE account_stretch SET accounts = accounts + 1
		WHERE first = (SELECT max(first) FROM account_stretch WHERE first <= NEW.name) AND NEW.stage = 1 AND NEW.role = 0;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER stretch_divided AFTER UPDATE ON account_stretch WHEN NEW.accounts > 4000 BEGIN
	INSERT INTO account_stretch (first, accounts)
		SELECT name, NEW.accounts - 2000 FROM account WHERE stage = 1 AND role = 0 AND name >= NEW.first ORDER BY name LIMIT 1 OFFSET 2000;
	UPDATE account_stretch SET accounts = 2000 WHERE first = NEW.first;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER stretch_emptied AFTER UPDATE ON account_stretch WHEN NEW.accounts = 0 AND NEW.first <> '' BEGIN
	DELETE FROM account_stretch WHERE first = NEW.first;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER stretch_emptied;
DROP TRIGGER stretch_divided;
DROP TRIGGER stretch_updated;
DROP TRIGGER stretch_deleted;
DROP TRIGGER stretch_inserted;
DROP TABLE account_stretch;
DROP TRIGGER account_recounted;
DROP TRIGGER account_uncounted;
DROP TRIGGER account_counted;
DROP TABLE account_count;
DROP INDEX account_package;
DROP INDEX account_owner;
DROP INDEX account_ready;
