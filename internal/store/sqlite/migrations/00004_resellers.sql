-- +goose Up
ALTER TABLE account ADD COLUMN suspend_locked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN reseller INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN privileges TEXT NOT NULL DEFAULT '';
CREATE INDEX account_reseller ON account (name) WHERE reseller = 1;

CREATE TABLE reseller (
	account_id INTEGER PRIMARY KEY REFERENCES account(id),
	body       TEXT NOT NULL
);

CREATE TABLE privilege_list (
	name TEXT PRIMARY KEY,
	body TEXT NOT NULL
) WITHOUT ROWID;

ALTER TABLE token ADD COLUMN privileges TEXT NOT NULL DEFAULT '';
ALTER TABLE token ADD COLUMN addresses TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE token DROP COLUMN addresses;
ALTER TABLE token DROP COLUMN privileges;
DROP TABLE privilege_list;
DROP TABLE reseller;
DROP INDEX account_reseller;
ALTER TABLE account DROP COLUMN privileges;
ALTER TABLE account DROP COLUMN reseller;
ALTER TABLE account DROP COLUMN suspend_locked;
