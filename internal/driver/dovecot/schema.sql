DROP VIEW IF EXISTS dovecot;

DROP VIEW IF EXISTS recipient;

DROP TABLE IF EXISTS refusal;

DROP TABLE IF EXISTS alias;

DROP TABLE IF EXISTS mailbox;

DROP TABLE IF EXISTS domain;

CREATE TABLE domain (
	name    TEXT    PRIMARY KEY,
	account INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX domain_account ON domain (account);

CREATE TABLE mailbox (
	address  TEXT    PRIMARY KEY,
	account  INTEGER NOT NULL,
	hash     TEXT    NOT NULL,
	maildir  TEXT    NOT NULL,
	uid      INTEGER NOT NULL,
	gid      INTEGER NOT NULL,
	quota    INTEGER NOT NULL,
	login    INTEGER NOT NULL,
	incoming INTEGER NOT NULL,
	outdone  INTEGER NOT NULL, -- mail for it goes to the aliases alone
	outgoing INTEGER NOT NULL, -- 0 sent, 1 held, 2 refused
	script   TEXT    NOT NULL,
	moving   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX mailbox_account ON mailbox (account);

CREATE TABLE alias (
	address TEXT    NOT NULL,
	target  TEXT    NOT NULL,
	account INTEGER NOT NULL,
	PRIMARY KEY (address, target)
) WITHOUT ROWID;

CREATE INDEX alias_account ON alias (account);

CREATE TABLE refusal (
	address TEXT    PRIMARY KEY, -- or the domain, for what is nobody's there
	account INTEGER NOT NULL,
	message TEXT    NOT NULL
) WITHOUT ROWID;

CREATE INDEX refusal_account ON refusal (account);

-- What Postfix says to a recipient, the least rank first. It asks for the address,
-- and if there is nothing for the domain.
CREATE VIEW recipient AS
SELECT address, 1 AS rank, '550 5.7.1 incoming mail for this mailbox is suspended' AS action FROM mailbox WHERE incoming = 0
UNION ALL SELECT address, 0, '550 5.1.1 ' || message FROM refusal
UNION ALL SELECT address, 2, 'DUNNO' FROM mailbox
UNION ALL SELECT address, 3, 'DUNNO' FROM alias;

-- What Dovecot asks. Of a mailbox whose files are being moved it gets an error,
-- which puts off what it was asked for: abs() has no answer for that number.
CREATE VIEW dovecot AS
SELECT address, hash, CASE moving WHEN 0 THEN maildir ELSE abs(-9223372036854775807 - 1) END AS maildir,
	uid, gid, quota, login, incoming, CASE script WHEN '' THEN 'none' ELSE script END AS script
FROM mailbox;
