-- A stream may be silent: it was ready, and gives no sign of life any more.
ALTER TABLE halcyon.venue_status DROP CONSTRAINT venue_status_state_check;
ALTER TABLE halcyon.venue_status ADD CONSTRAINT venue_status_state_check
  CHECK (state IN ('down', 'connecting', 'ready', 'silent'));
