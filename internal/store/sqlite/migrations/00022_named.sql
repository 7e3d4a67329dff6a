-- +goose Up
-- Since when an account has its name; 0: since it was made.
ALTER TABLE account ADD COLUMN named INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE account DROP COLUMN named;
