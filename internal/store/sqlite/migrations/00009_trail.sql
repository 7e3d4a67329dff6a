-- +goose Up
CREATE TABLE audit_block (
	first  INTEGER PRIMARY KEY,
	last   INTEGER NOT NULL,
	events INTEGER NOT NULL,
	since  INTEGER NOT NULL,
	until  INTEGER NOT NULL,
	filter BLOB    NOT NULL
);

-- +goose Down
DROP TABLE audit_block;
