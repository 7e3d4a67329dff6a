-- +goose Up
-- Accounts take turns with what they send.
DROP INDEX outgoing_due;
CREATE INDEX outgoing_turn ON outgoing (account_id, due, id) WHERE held = 0;

-- +goose Down
DROP INDEX outgoing_turn;
CREATE INDEX outgoing_due ON outgoing (due, id) WHERE held = 0;
