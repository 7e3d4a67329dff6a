-- +goose Up
-- What an account is signed in to with when its second factor is lost. A code that
-- was used is no more.
CREATE TABLE recovery_code (
	account_id INTEGER NOT NULL REFERENCES account(id),
	mac        BLOB    NOT NULL,
	PRIMARY KEY (account_id, mac)
) WITHOUT ROWID;

-- They go with the second factor that they were made for.

-- +goose StatementBegin
CREATE TRIGGER recovery_code_of_factor AFTER UPDATE OF second_factor ON account WHEN OLD.second_factor <> NEW.second_factor BEGIN
	DELETE FROM recovery_code WHERE account_id = NEW.id;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER recovery_code_of_factor;
DROP TABLE recovery_code;
