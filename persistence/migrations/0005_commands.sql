-- A web tier asks for work by a row here: it is picked up at once (NOTIFY), executed as if it had come
-- over the admin socket, and answered in the row.

CREATE TABLE halcyon.commands (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  daemon text NOT NULL,
  user_id uuid NOT NULL,
  method text NOT NULL CHECK (length(method) BETWEEN 1 AND 64),
  params jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(params) = 'object'
                                            AND length(params::text) <= 16384),
  state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'taken', 'done', 'failed')),
  token numeric(20,0),
  epoch bigint,
  created_at timestamptz NOT NULL DEFAULT now(),
  taken_at timestamptz,
  answered_at timestamptz,
  result jsonb,
  error text,
  CHECK ((state IN ('done', 'failed')) = (answered_at IS NOT NULL))
);
CREATE INDEX commands_waiting ON halcyon.commands (daemon, created_at)
  WHERE state IN ('new', 'taken');
COMMENT ON TABLE halcyon.commands IS
  'What somebody asks of a daemon through the database, and its answer. Insert daemon, user_id, method and params; then read the row until it is answered';
COMMENT ON COLUMN halcyon.commands.id IS 'Given by who asks, or at random; the same id is never executed twice';
COMMENT ON COLUMN halcyon.commands.daemon IS 'The name of the daemon that is asked';
COMMENT ON COLUMN halcyon.commands.user_id IS 'users.id: for whom; must be app.current_user_id';
COMMENT ON COLUMN halcyon.commands.method IS 'A method of the admin socket, such as orders.cancel';
COMMENT ON COLUMN halcyon.commands.params IS
  'Its parameters; of users other than the daemon''s own: with an account, or an order, that is theirs';
COMMENT ON COLUMN halcyon.commands.state IS 'new, taken (it is being done), then done or failed (refused)';
COMMENT ON COLUMN halcyon.commands.token IS 'Joins with audit_log.token; made of the id';
COMMENT ON COLUMN halcyon.commands.epoch IS 'The start of the daemon that took it';
COMMENT ON COLUMN halcyon.commands.created_at IS 'By the server''s clock';
COMMENT ON COLUMN halcyon.commands.taken_at IS 'By the server''s clock';
COMMENT ON COLUMN halcyon.commands.answered_at IS 'By the server''s clock';
COMMENT ON COLUMN halcyon.commands.result IS 'Of what was done, as the admin socket answers it';
COMMENT ON COLUMN halcyon.commands.error IS 'Why it failed, in words';
-- Whether a command was done is asked by its token.
CREATE INDEX audit_log_token ON halcyon.audit_log (token);
INSERT INTO halcyon.retention (table_name, period, time_column, keep_days) VALUES
  ('commands', NULL, 'answered_at', 30);

CREATE FUNCTION halcyon.announce_command() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_notify('halcyon_commands', NEW.daemon);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION halcyon.announce_command() IS 'Tells the daemons that a command has come';
CREATE TRIGGER announced AFTER INSERT ON halcyon.commands
  FOR EACH ROW EXECUTE FUNCTION halcyon.announce_command();

SELECT halcyon.guard('commands', 'user_id = (SELECT halcyon.current_owner())');
-- Who may ask, asks for himself; the answer is not his to write (see the rights below).
CREATE POLICY of_asker ON halcyon.commands FOR INSERT
  WITH CHECK (user_id = (SELECT halcyon.current_owner()));

--   halcyon_web     halcyon_reader, and may ask: a row in commands
ALTER FUNCTION halcyon.grant_roles() RENAME TO grant_first_roles;
CREATE FUNCTION halcyon.grant_roles() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  first text := halcyon.grant_first_roles();
BEGIN
  IF first NOT LIKE '%have their rights' THEN
    RETURN first || '; likewise halcyon_web';
  END IF;
  BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'halcyon_web') THEN
      CREATE ROLE halcyon_web NOLOGIN;
    END IF;
  EXCEPTION
    WHEN insufficient_privilege THEN
      RETURN 'may not make the role halcyon_web; an administrator makes it with CREATE ROLE '
        'halcyon_web NOLOGIN, then `halcyonctl db migrate`';
    WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of the cluster, just now
  END;
  GRANT SELECT ON halcyon.commands TO halcyon_reader;
  GRANT USAGE ON SCHEMA halcyon TO halcyon_web;
  GRANT SELECT ON halcyon.users, halcyon.accounts, halcyon.strategies, halcyon.strategy_versions,
    halcyon.definitions, halcyon.orders, halcyon.order_events, halcyon.order_denials, halcyon.fills,
    halcyon.positions, halcyon.balances, halcyon.equity_history, halcyon.equity_daily,
    halcyon.round_trips, halcyon.trading_states, halcyon.differences, halcyon.notices,
    halcyon.risk_alerts, halcyon.trading_limits, halcyon.venue_status, halcyon.strategy_memories,
    halcyon.lots, halcyon.fill_voids, halcyon.order_amends,
    halcyon.order_triggers, halcyon.adjustments, halcyon.cash_flows, halcyon.limit_overrides,
    halcyon.audit_log, halcyon.instruments, halcyon.ticks, halcyon.candles, halcyon.candles_1h,
    halcyon.candles_1d, halcyon.tickers, halcyon.book_snapshots, halcyon.commands TO halcyon_web;
  GRANT INSERT (id, daemon, user_id, method, params) ON halcyon.commands TO halcyon_web;
  RETURN 'halcyon_writer, halcyon_reader and halcyon_web have their rights';
END
$$;
COMMENT ON FUNCTION halcyon.grant_first_roles() IS
  'The part of grant_roles() about halcyon_writer and halcyon_reader';
COMMENT ON FUNCTION halcyon.grant_roles() IS
  'Makes halcyon_writer, halcyon_reader and halcyon_web where possible and grants them their rights; says how it went';
REVOKE ALL ON FUNCTION halcyon.grant_roles() FROM PUBLIC;
SELECT halcyon.grant_roles();
