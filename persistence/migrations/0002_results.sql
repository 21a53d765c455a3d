-- Results that the projector folds from the journal, limits, and alerts; and what every later table
-- needs: partitions of any period, and how long each table is kept.

-- ---- round trips and daily equity ----------------------------------------------------------------

CREATE TABLE halcyon.round_trips (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  position_id uuid NOT NULL,
  account_id uuid,
  strategy_id uuid,
  instrument_id uuid,
  trade_number bigint NOT NULL CHECK (trade_number > 0),
  direction text NOT NULL CHECK (direction IN ('long', 'short')),
  is_closed boolean NOT NULL,
  entry_time timestamptz NOT NULL,
  entry_quantity numeric(38,9) NOT NULL,
  entry_quote numeric(38,9) NOT NULL,
  entry_price numeric(38,9) GENERATED ALWAYS AS
    (CASE WHEN abs(entry_quote) < entry_quantity * 1e28
          THEN round(entry_quote / entry_quantity, 9) END) STORED,
  exit_time timestamptz,
  exit_quantity numeric(38,9) NOT NULL,
  exit_quote numeric(38,9) NOT NULL,
  exit_price numeric(38,9) GENERATED ALWAYS AS
    (CASE WHEN abs(exit_quote) < exit_quantity * 1e28
          THEN round(exit_quote / exit_quantity, 9) END) STORED,
  open_quantity numeric(38,9) NOT NULL,
  fees numeric(38,9) NOT NULL,
  unvalued_fee_count bigint NOT NULL CHECK (unvalued_fee_count >= 0),
  pnl_amount numeric(38,9),
  pnl_pct numeric(38,9) GENERATED ALWAYS AS
    (CASE WHEN abs(pnl_amount) < abs(entry_quote) * 1e26
          THEN round(100 * pnl_amount / entry_quote, 9) END) STORED,
  fill_count bigint NOT NULL CHECK (fill_count > 0),
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  updated_at timestamptz NOT NULL,
  UNIQUE (position_id, trade_number),
  CHECK (is_closed = (pnl_amount IS NOT NULL))
);
CREATE INDEX round_trips_account ON halcyon.round_trips (account_id, entry_time);
COMMENT ON TABLE halcyon.round_trips IS
  'One entry matched with its exit: from the fill that left a flat position to the one that made it flat again, per account, strategy and instrument';
COMMENT ON COLUMN halcyon.round_trips.id IS
  'UUIDv5 in the journal''s namespace of ''round_trip/<account>/<strategy>/<instrument>/<trade_number>''';
COMMENT ON COLUMN halcyon.round_trips.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.round_trips.position_id IS 'positions.id: account, strategy and instrument together';
COMMENT ON COLUMN halcyon.round_trips.account_id IS 'accounts.id';
COMMENT ON COLUMN halcyon.round_trips.strategy_id IS 'strategies.id; null: external';
COMMENT ON COLUMN halcyon.round_trips.instrument_id IS 'instruments.id';
COMMENT ON COLUMN halcyon.round_trips.trade_number IS 'Counts the round trips of one position from 1';
COMMENT ON COLUMN halcyon.round_trips.direction IS 'long: entered by buying';
COMMENT ON COLUMN halcyon.round_trips.is_closed IS 'The position is flat again, or less than a lot is left';
COMMENT ON COLUMN halcyon.round_trips.entry_time IS 'Engine time of the first entry fill';
COMMENT ON COLUMN halcyon.round_trips.entry_quantity IS 'Traded on the way in';
COMMENT ON COLUMN halcyon.round_trips.entry_quote IS 'Paid (long) or received (short) for it, in quote currency';
COMMENT ON COLUMN halcyon.round_trips.entry_price IS 'Average: entry_quote by entry_quantity';
COMMENT ON COLUMN halcyon.round_trips.exit_time IS 'Engine time of the last exit fill; null: none yet';
COMMENT ON COLUMN halcyon.round_trips.exit_quantity IS 'Traded on the way out';
COMMENT ON COLUMN halcyon.round_trips.exit_quote IS 'Received (long) or paid (short) for it, in quote currency';
COMMENT ON COLUMN halcyon.round_trips.exit_price IS 'Average: exit_quote by exit_quantity';
COMMENT ON COLUMN halcyon.round_trips.open_quantity IS
  'Still held, fees in the base asset taken off; once closed: what is left below a lot, written off here and carried into the next round trip at no cost';
COMMENT ON COLUMN halcyon.round_trips.fees IS 'Fees in the quote currency; those in the base asset are in the quantities';
COMMENT ON COLUMN halcyon.round_trips.unvalued_fee_count IS
  'Fills whose fee was in a third asset: it is in positions.fees, and not in pnl_amount';
COMMENT ON COLUMN halcyon.round_trips.pnl_amount IS 'Profit after fees, in quote currency; null while open';
COMMENT ON COLUMN halcyon.round_trips.pnl_pct IS 'pnl_amount in percent of entry_quote; null where that says nothing';
COMMENT ON COLUMN halcyon.round_trips.fill_count IS 'Fills that belong to it';
COMMENT ON COLUMN halcyon.round_trips.journal_sequence IS 'The journal frame that last changed the row';
COMMENT ON COLUMN halcyon.round_trips.updated_at IS 'Engine time of the last change';

CREATE TABLE halcyon.equity_daily (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  curve_id uuid NOT NULL,
  account_id uuid,
  strategy_id uuid,
  day date NOT NULL,
  currency text NOT NULL,
  open_equity numeric(38,9) NOT NULL,
  high_equity numeric(38,9) NOT NULL,
  low_equity numeric(38,9) NOT NULL,
  close_equity numeric(38,9) NOT NULL,
  cash numeric(38,9) NOT NULL,
  day_pnl numeric(38,9) NOT NULL,
  peak numeric(38,9) NOT NULL,
  max_drawdown numeric(38,9) NOT NULL,
  mark_count bigint NOT NULL CHECK (mark_count > 0),
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  updated_at timestamptz NOT NULL,
  UNIQUE (curve_id, day)
);
CREATE INDEX equity_daily_account ON halcyon.equity_daily (account_id, strategy_id, day);
COMMENT ON TABLE halcyon.equity_daily IS
  'equity_history by trading day: one row per account, or strategy in it, and day';
COMMENT ON COLUMN halcyon.equity_daily.id IS
  'UUIDv5 in the journal''s namespace of ''equity_day/<account>/<strategy>/<days since 1970>''';
COMMENT ON COLUMN halcyon.equity_daily.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.equity_daily.curve_id IS
  'UUIDv5 in the journal''s namespace of ''equity_curve/<account>/<strategy>'': the days of one curve';
COMMENT ON COLUMN halcyon.equity_daily.account_id IS 'accounts.id';
COMMENT ON COLUMN halcyon.equity_daily.strategy_id IS 'strategies.id; null: the whole account';
COMMENT ON COLUMN halcyon.equity_daily.day IS 'The trading day, which begins at [risk].day_start';
COMMENT ON COLUMN halcyon.equity_daily.currency IS 'The reporting currency of the amounts';
COMMENT ON COLUMN halcyon.equity_daily.open_equity IS 'The day''s first';
COMMENT ON COLUMN halcyon.equity_daily.high_equity IS 'The day''s greatest';
COMMENT ON COLUMN halcyon.equity_daily.low_equity IS 'The day''s least';
COMMENT ON COLUMN halcyon.equity_daily.close_equity IS 'The day''s last so far';
COMMENT ON COLUMN halcyon.equity_daily.cash IS 'Of close_equity in cash';
COMMENT ON COLUMN halcyon.equity_daily.day_pnl IS 'Profit of the day so far, after fees';
COMMENT ON COLUMN halcyon.equity_daily.peak IS 'The greatest equity ever so far';
COMMENT ON COLUMN halcyon.equity_daily.max_drawdown IS 'The day''s greatest distance from the peak';
COMMENT ON COLUMN halcyon.equity_daily.mark_count IS 'Rows of equity_history in it';
COMMENT ON COLUMN halcyon.equity_daily.journal_sequence IS 'The journal frame that last changed the row';
COMMENT ON COLUMN halcyon.equity_daily.updated_at IS 'Engine time of the last change';

-- ---- limits and alerts ---------------------------------------------------------------------------

CREATE TABLE halcyon.trading_limits (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  scope text NOT NULL CHECK (scope IN ('daemon', 'account', 'strategy', 'instrument')),
  name text,
  account_id uuid,
  strategy_id uuid,
  limit_type text NOT NULL CHECK (limit_type ~ '^[a-z][a-z0-9_]*$'),
  limit_value numeric(38,9) NOT NULL,
  is_active boolean NOT NULL,
  updated_at timestamptz NOT NULL
);
COMMENT ON TABLE halcyon.trading_limits IS
  'The limits of the risk gate as the daemon started with them; the tightest of those that apply wins';
COMMENT ON COLUMN halcyon.trading_limits.id IS
  'UUIDv5 in the journal''s namespace of ''limit/<scope>/<name>/<limit_type>''';
COMMENT ON COLUMN halcyon.trading_limits.journal_id IS
  'The journal of the daemon that the limit binds (projections.id)';
COMMENT ON COLUMN halcyon.trading_limits.scope IS 'What it binds';
COMMENT ON COLUMN halcyon.trading_limits.name IS 'Which account, strategy or instrument; null: the whole daemon';
COMMENT ON COLUMN halcyon.trading_limits.account_id IS 'accounts.id, of an account''s limit';
COMMENT ON COLUMN halcyon.trading_limits.strategy_id IS 'strategies.id, of a strategy''s limit';
COMMENT ON COLUMN halcyon.trading_limits.limit_type IS
  'The setting under [risk]; its name says the unit (_pct: percent, _ms: milliseconds), amounts are in the reporting currency';
COMMENT ON COLUMN halcyon.trading_limits.limit_value IS 'The limit';
COMMENT ON COLUMN halcyon.trading_limits.is_active IS 'false: it was in an earlier configuration';
COMMENT ON COLUMN halcyon.trading_limits.updated_at IS 'The start of the daemon that last wrote the row';

CREATE TABLE halcyon.risk_alerts (
  id uuid PRIMARY KEY,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  alert_type text NOT NULL CHECK (alert_type ~ '^[a-z][a-z0-9_]*$'),
  severity text NOT NULL CHECK (severity IN ('info', 'warning', 'alarm')),
  account_id uuid,
  strategy_id uuid,
  state text NOT NULL CHECK (state IN ('active', 'reducing', 'halted')),
  message text
);
CREATE INDEX risk_alerts_time ON halcyon.risk_alerts (time);
COMMENT ON TABLE halcyon.risk_alerts IS
  'A limit was broken and the daemon stopped trading by itself';
COMMENT ON COLUMN halcyon.risk_alerts.id IS
  'UUIDv5 in the journal''s namespace of ''risk_alert/<sequence>/<ordinal>''';
COMMENT ON COLUMN halcyon.risk_alerts.time IS
  'Engine time of the frame; cut to microseconds, journal_sequence and ordinal keep the order';
COMMENT ON COLUMN halcyon.risk_alerts.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.risk_alerts.journal_sequence IS 'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.risk_alerts.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.risk_alerts.alert_type IS 'Which limit, as the reason of trading_states';
COMMENT ON COLUMN halcyon.risk_alerts.severity IS 'alarm: somebody must look now';
COMMENT ON COLUMN halcyon.risk_alerts.account_id IS 'accounts.id; null: the whole daemon';
COMMENT ON COLUMN halcyon.risk_alerts.strategy_id IS 'strategies.id; null: every strategy';
COMMENT ON COLUMN halcyon.risk_alerts.state IS 'What the daemon set the scope to';
COMMENT ON COLUMN halcyon.risk_alerts.message IS 'In words, with both numbers';

-- Every version of a strategy; `strategies` shows the last.
CREATE VIEW halcyon.strategy_versions WITH (security_invoker = true) AS
  SELECT d.id, d.strategy_id, s.name, d.version, d.time AS defined_at, d.user_id, d.sha256,
         d.definition
  FROM halcyon.definitions d JOIN halcyon.strategies s ON s.id = d.strategy_id
  WHERE d.kind = 'strategy';
COMMENT ON VIEW halcyon.strategy_versions IS 'Every version of every strategy, from definitions';
COMMENT ON COLUMN halcyon.strategy_versions.id IS 'definitions.id';
COMMENT ON COLUMN halcyon.strategy_versions.strategy_id IS 'strategies.id';
COMMENT ON COLUMN halcyon.strategy_versions.name IS 'The strategy''s name';
COMMENT ON COLUMN halcyon.strategy_versions.version IS 'Counts its definitions from 1';
COMMENT ON COLUMN halcyon.strategy_versions.defined_at IS 'Engine time at which it took effect';
COMMENT ON COLUMN halcyon.strategy_versions.user_id IS 'users.id: who defined it';
COMMENT ON COLUMN halcyon.strategy_versions.sha256 IS 'Of the text';
COMMENT ON COLUMN halcyon.strategy_versions.definition IS 'The text, without secrets';

-- ---- partitions and retention --------------------------------------------------------------------

CREATE TABLE halcyon.retention (
  table_name text PRIMARY KEY,
  period text CHECK (period IN ('day', 'month')),
  time_column text NOT NULL,
  keep_days integer CHECK (keep_days > 0),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE halcyon.retention IS
  'How long the rows of a table are kept. The daemon writes its [retention] here and does the job once an hour';
COMMENT ON COLUMN halcyon.retention.table_name IS 'In the schema halcyon';
COMMENT ON COLUMN halcyon.retention.period IS 'What one partition covers; null: the table has none';
COMMENT ON COLUMN halcyon.retention.time_column IS 'Which column says how old a row is';
COMMENT ON COLUMN halcyon.retention.keep_days IS 'Older rows go; null: they are kept for ever';
COMMENT ON COLUMN halcyon.retention.updated_at IS 'When the policy was last written, by the server''s clock';
INSERT INTO halcyon.retention (table_name, period, time_column, keep_days) VALUES
  ('order_events', 'month', 'time', 3653),
  ('equity_history', 'month', 'time', 3653),
  ('orders', NULL, 'updated_at', 3653),
  ('order_denials', NULL, 'time', 3653),
  ('fills', NULL, 'time', 3653),
  ('round_trips', NULL, 'exit_time', 3653),
  ('audit_log', NULL, 'time', 2557);

-- Now also by day, as the table's policy says. With the rights of the schema's owner: who only writes
-- rows need not be able to make tables.
CREATE OR REPLACE FUNCTION halcyon.ensure_partition(parent text, first_day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  chosen text := (SELECT r.period FROM halcyon.retention r WHERE r.table_name = parent);
  start date;
  partition text;
  bounds text;
BEGIN
  IF chosen IS NULL THEN
    RAISE EXCEPTION 'halcyon.% has no partitions', parent;
  END IF;
  -- A hypertable makes its own.
  IF NOT EXISTS (SELECT FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = 'halcyon' AND c.relname = parent) THEN
    RETURN false;
  END IF;
  start := CASE chosen WHEN 'day' THEN first_day ELSE date_trunc('month', first_day)::date END;
  partition := parent || '_' || coalesce(
      to_char(start, CASE chosen WHEN 'day' THEN 'YYYYMMDD' ELSE 'YYYYMM' END), 'default');
  bounds := CASE
      WHEN start IS NULL THEN 'DEFAULT'
      ELSE format('FOR VALUES FROM (%L) TO (%L)', start::timestamp AT TIME ZONE 'UTC',
                  (start + ('1 ' || chosen)::interval)::timestamp AT TIME ZONE 'UTC')
    END;
  IF to_regclass('halcyon.' || quote_ident(partition)) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE halcyon.%I (LIKE halcyon.%I INCLUDING ALL)', partition, parent);
  EXECUTE format('COMMENT ON TABLE halcyon.%I IS %L', partition, 'A part of halcyon.' || parent);
  EXECUTE format('ALTER TABLE halcyon.%I ATTACH PARTITION halcyon.%I %s', parent, partition, bounds);
  RETURN true;
END
$$;
COMMENT ON FUNCTION halcyon.ensure_partition(text, date) IS
  'Makes the partition of a table that a day falls into, or the default one (null); false when it is there';
REVOKE ALL ON FUNCTION halcyon.ensure_partition(text, date) FROM PUBLIC;

CREATE FUNCTION halcyon.apply_retention(moment timestamptz) RETURNS TABLE (what text, row_count bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  policy record;
  part record;
  cutoff timestamptz;
  gone bigint;
BEGIN
  FOR policy IN SELECT * FROM halcyon.retention WHERE keep_days IS NOT NULL ORDER BY table_name LOOP
    cutoff := moment - policy.keep_days * interval '1 day';
    -- A partition goes as a whole when even its last moment is too old.
    FOR part IN
      SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace n ON n.oid = p.relnamespace
      WHERE n.nspname = 'halcyon' AND p.relname = policy.table_name AND p.relkind = 'p'
        AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT' ORDER BY c.relname
    LOOP
      IF (substring(part.bounds FROM 'TO \(''([^'']+)''\)'))::timestamptz <= cutoff THEN
        EXECUTE format('SELECT count(*) FROM halcyon.%I', part.relname) INTO gone;
        EXECUTE format('DROP TABLE halcyon.%I', part.relname);
        what := part.relname;
        row_count := gone;
        RETURN NEXT;
      END IF;
    END LOOP;
    -- Rows of what has no partitions, and of the default one. An order that lives is never too old.
    IF policy.period IS NULL OR to_regclass(format('halcyon.%I', policy.table_name || '_default'))
                                IS NOT NULL THEN
      EXECUTE format('DELETE FROM halcyon.%I WHERE %I < $1%s',
                     policy.table_name || CASE WHEN policy.period IS NULL THEN '' ELSE '_default' END,
                     policy.time_column,
                     CASE policy.table_name
                       WHEN 'orders' THEN
                         ' AND state IN (''filled'', ''canceled'', ''expired'', ''rejected'')'
                       WHEN 'round_trips' THEN ' AND is_closed'
                       ELSE ''
                     END)
        USING cutoff;
      GET DIAGNOSTICS gone = ROW_COUNT;
      IF gone > 0 THEN
        what := policy.table_name;
        row_count := gone;
        RETURN NEXT;
      END IF;
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION halcyon.apply_retention(timestamptz) IS
  'Removes what is older at that moment than its table''s policy keeps, whole partitions where there are any; says what went';
REVOKE ALL ON FUNCTION halcyon.apply_retention(timestamptz) FROM PUBLIC;
