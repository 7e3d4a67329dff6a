-- +goose Up
CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE account (
	id             INTEGER PRIMARY KEY AUTOINCREMENT,
	name           TEXT    NOT NULL UNIQUE,
	role           INTEGER NOT NULL,
	stage          INTEGER NOT NULL,
	domain         TEXT    NOT NULL,
	owner          TEXT    NOT NULL,
	package        TEXT    NOT NULL,
	contact_email  TEXT    NOT NULL,
	locale         TEXT    NOT NULL,
	theme          TEXT    NOT NULL,
	shell          TEXT    NOT NULL,
	limits         TEXT    NOT NULL,
	suspended      INTEGER NOT NULL,
	suspend_reason TEXT    NOT NULL,
	suspended_at   INTEGER NOT NULL,
	created        INTEGER NOT NULL,
	password_hash  TEXT    NOT NULL,
	mailboxes      INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX account_head ON account (substr(name, 1, 8));

CREATE TABLE domain (
	name          TEXT    PRIMARY KEY,
	account_id    INTEGER NOT NULL REFERENCES account(id),
	kind          TEXT    NOT NULL,
	document_root TEXT    NOT NULL,
	created       INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX domain_account ON domain (account_id);

CREATE TABLE package (
	name TEXT PRIMARY KEY,
	body TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE feature_list (
	name TEXT PRIMARY KEY,
	body TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE feature_override (
	account_id INTEGER NOT NULL REFERENCES account(id),
	feature    TEXT    NOT NULL,
	enabled    INTEGER NOT NULL,
	PRIMARY KEY (account_id, feature)
) WITHOUT ROWID;

CREATE TABLE token (
	account_id INTEGER NOT NULL REFERENCES account(id),
	audience   INTEGER NOT NULL,
	name       TEXT    NOT NULL,
	id         INTEGER NOT NULL,
	mac        BLOB    NOT NULL,
	mac_head   INTEGER NOT NULL,
	handle     BLOB    NOT NULL,
	created    INTEGER NOT NULL,
	expires    INTEGER NOT NULL,
	read_only  INTEGER NOT NULL,
	state      INTEGER NOT NULL,
	seal       BLOB    NOT NULL,
	PRIMARY KEY (account_id, audience, name)
) WITHOUT ROWID;
CREATE INDEX token_mac ON token (mac_head);

-- Keyed as the index of tokens in memory is ordered, so that uses written down
-- in that order fill pages one after another.
CREATE TABLE token_use (
	mac_head INTEGER PRIMARY KEY,
	at       INTEGER NOT NULL,
	origin   TEXT    NOT NULL,
	client   TEXT    NOT NULL
);

CREATE TABLE mailbox (
	account_id         INTEGER NOT NULL REFERENCES account(id),
	domain             TEXT    NOT NULL,
	local              TEXT    NOT NULL,
	stage              INTEGER NOT NULL,
	password_hash      TEXT    NOT NULL,
	quota              INTEGER NOT NULL,
	suspended_login    INTEGER NOT NULL,
	suspended_incoming INTEGER NOT NULL,
	suspended_outgoing INTEGER NOT NULL,
	hold_outgoing      INTEGER NOT NULL,
	created            INTEGER NOT NULL,
	PRIMARY KEY (account_id, domain, local)
) WITHOUT ROWID;

CREATE TABLE usage (
	account_id INTEGER PRIMARY KEY REFERENCES account(id),
	bytes      INTEGER NOT NULL,
	inodes     INTEGER NOT NULL,
	taken_at   INTEGER NOT NULL
);

CREATE TABLE intent (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	at         INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	kind       TEXT    NOT NULL,
	body       BLOB    NOT NULL
);

CREATE TABLE change_log (
	seq  INTEGER PRIMARY KEY,
	at   INTEGER NOT NULL,
	body BLOB    NOT NULL
);

CREATE TABLE audit (
	seq    INTEGER PRIMARY KEY,
	at     INTEGER NOT NULL,
	events INTEGER NOT NULL,
	hash   BLOB    NOT NULL,
	body   BLOB    NOT NULL
);

-- +goose Down
DROP TABLE audit;
DROP TABLE change_log;
DROP TABLE intent;
DROP TABLE usage;
DROP TABLE mailbox;
DROP TABLE token_use;
DROP TABLE token;
DROP TABLE feature_override;
DROP TABLE feature_list;
DROP TABLE package;
DROP TABLE domain;
DROP TABLE account;
DROP TABLE meta;
