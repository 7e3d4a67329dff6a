-- +goose Up
ALTER TABLE token ADD COLUMN grants TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE token DROP COLUMN grants;
