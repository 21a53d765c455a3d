-- What orders, fills and positions came to, daily equity, limits and alerts; and what every later table
-- needs: partitions of any period, and how long each table is kept.

-- ---- what orders and positions came to -----------------------------------------------------------

CREATE TABLE halcyon.round_trips (
  id uuid PRIMARY KEY,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  trade_number bigint NOT NULL,
  entry_lot bigint NOT NULL,
  exit_fill bigint NOT NULL,
  account_id uuid,
  strategy_id uuid,
  instrument_id uuid,
  direction text NOT NULL CHECK (direction IN ('long', 'short')),
  quantity numeric(38,9) NOT NULL,
  entry_amount numeric(38,9) NOT NULL,
  exit_amount numeric(38,9) NOT NULL,
  entry_price numeric(38,9) GENERATED ALWAYS AS
    (CASE WHEN abs(entry_amount) < quantity * 1e28 THEN round(entry_amount / quantity, 9) END) STORED,
  exit_price numeric(38,9) GENERATED ALWAYS AS
    (CASE WHEN abs(exit_amount) < quantity * 1e28 THEN round(exit_amount / quantity, 9) END) STORED,
  fees numeric(38,9) NOT NULL,
  pnl_amount numeric(38,9) NOT NULL,
  pnl_pct numeric(38,9) GENERATED ALWAYS AS
    (CASE WHEN abs(pnl_amount) < entry_amount * 1e26
          THEN round(100 * pnl_amount / entry_amount, 9) END) STORED,
  entry_time timestamptz,
  exit_time timestamptz,
  consecutive_losses bigint NOT NULL
);
CREATE INDEX round_trips_account ON halcyon.round_trips (account_id, time);
COMMENT ON TABLE halcyon.round_trips IS
  'One entry matched with its exit, first in first out, with its profit';
COMMENT ON COLUMN halcyon.round_trips.id IS
  'UUIDv5 in the journal''s namespace of ''round_trip/<trade_number>''';
COMMENT ON COLUMN halcyon.round_trips.time IS
  'Engine time of the frame; cut to microseconds, journal_sequence and ordinal keep the order';
COMMENT ON COLUMN halcyon.round_trips.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.round_trips.journal_sequence IS
  'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.round_trips.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.round_trips.trade_number IS
  'Counts the round trips of the journal from 1';
COMMENT ON COLUMN halcyon.round_trips.entry_lot IS 'lots.number: the entry';
COMMENT ON COLUMN halcyon.round_trips.exit_fill IS 'fills.number: the exit';
COMMENT ON COLUMN halcyon.round_trips.account_id IS 'accounts.id';
COMMENT ON COLUMN halcyon.round_trips.strategy_id IS 'strategies.id; null: external';
COMMENT ON COLUMN halcyon.round_trips.instrument_id IS 'instruments.id';
COMMENT ON COLUMN halcyon.round_trips.direction IS 'long: entered by buying';
COMMENT ON COLUMN halcyon.round_trips.quantity IS 'Base units';
COMMENT ON COLUMN halcyon.round_trips.entry_amount IS
  'Paid (long) or received (short), in quote currency';
COMMENT ON COLUMN halcyon.round_trips.exit_amount IS
  'Received (long) or paid (short), in quote currency';
COMMENT ON COLUMN halcyon.round_trips.entry_price IS 'entry_amount by quantity';
COMMENT ON COLUMN halcyon.round_trips.exit_price IS 'exit_amount by quantity';
COMMENT ON COLUMN halcyon.round_trips.fees IS
  'Of both sides, in quote currency at the time of each fill';
COMMENT ON COLUMN halcyon.round_trips.pnl_amount IS 'Profit after fees, in quote currency';
COMMENT ON COLUMN halcyon.round_trips.pnl_pct IS
  'pnl_amount in percent of entry_amount; null where that says nothing';
COMMENT ON COLUMN halcyon.round_trips.entry_time IS
  'The venue''s time of the entry; null: it gave none';
COMMENT ON COLUMN halcyon.round_trips.exit_time IS
  'The venue''s time of the exit; null: it gave none';
COMMENT ON COLUMN halcyon.round_trips.consecutive_losses IS
  'Round trips in a row that lost, of the account and strategy, this one included';

CREATE TABLE halcyon.lots (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  number bigint NOT NULL,
  account_id uuid,
  strategy_id uuid,
  instrument_id uuid,
  quantity numeric(38,9) NOT NULL,
  cost numeric(38,9) NOT NULL,
  fees numeric(38,9) NOT NULL,
  opened_at timestamptz,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  updated_at timestamptz NOT NULL
);
CREATE INDEX lots_open ON halcyon.lots (account_id) WHERE quantity <> 0;
COMMENT ON TABLE halcyon.lots IS
  'What is left of one entry into a position, first in first out';
COMMENT ON COLUMN halcyon.lots.id IS 'UUIDv5 in the journal''s namespace of ''lot/<number>''';
COMMENT ON COLUMN halcyon.lots.journal_id IS 'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.lots.number IS 'Counts the lots of the journal from 1';
COMMENT ON COLUMN halcyon.lots.account_id IS 'accounts.id';
COMMENT ON COLUMN halcyon.lots.strategy_id IS 'strategies.id; null: external';
COMMENT ON COLUMN halcyon.lots.instrument_id IS 'instruments.id';
COMMENT ON COLUMN halcyon.lots.quantity IS 'What is left, signed; zero: closed';
COMMENT ON COLUMN halcyon.lots.cost IS 'Of what is left, in quote currency, signed like quantity';
COMMENT ON COLUMN halcyon.lots.fees IS 'Of what is left, in quote currency';
COMMENT ON COLUMN halcyon.lots.opened_at IS 'The venue''s time of the entry; null: it gave none';
COMMENT ON COLUMN halcyon.lots.journal_sequence IS 'The journal frame that last changed the row';
COMMENT ON COLUMN halcyon.lots.updated_at IS 'Engine time of the last change';

CREATE TABLE halcyon.fill_voids (
  id uuid PRIMARY KEY,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  fill_id uuid NOT NULL,
  fill_number bigint NOT NULL,
  replaced_by bigint,
  reason text CHECK (reason ~ '^[a-z][a-z0-9_]*$'),
  order_id uuid,
  account_id uuid,
  strategy_id uuid,
  instrument_id uuid
);
CREATE INDEX fill_voids_fill ON halcyon.fill_voids (fill_id);
COMMENT ON TABLE halcyon.fill_voids IS
  'A fill that does not count any more: taken back, corrected, or provisional and replaced';
COMMENT ON COLUMN halcyon.fill_voids.id IS
  'UUIDv5 in the journal''s namespace of ''fill_void/<sequence>/<ordinal>''';
COMMENT ON COLUMN halcyon.fill_voids.time IS
  'Engine time of the frame; cut to microseconds, journal_sequence and ordinal keep the order';
COMMENT ON COLUMN halcyon.fill_voids.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.fill_voids.journal_sequence IS
  'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.fill_voids.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.fill_voids.fill_id IS 'fills.id';
COMMENT ON COLUMN halcyon.fill_voids.fill_number IS 'fills.number';
COMMENT ON COLUMN halcyon.fill_voids.replaced_by IS
  'fills.number of the fill that stands in its place; null: none';
COMMENT ON COLUMN halcyon.fill_voids.reason IS 'Why';
COMMENT ON COLUMN halcyon.fill_voids.order_id IS 'orders.id';
COMMENT ON COLUMN halcyon.fill_voids.account_id IS 'accounts.id';
COMMENT ON COLUMN halcyon.fill_voids.strategy_id IS 'strategies.id; null: external';
COMMENT ON COLUMN halcyon.fill_voids.instrument_id IS 'instruments.id';

CREATE TABLE halcyon.order_amends (
  id uuid PRIMARY KEY,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  order_id uuid NOT NULL,
  requested bigint NOT NULL,
  accepted bigint NOT NULL,
  asked_quantity numeric(38,9) NOT NULL,
  asked_limit_price numeric(38,9),
  asked_stop_price numeric(38,9),
  quantity numeric(38,9) NOT NULL,
  limit_price numeric(38,9),
  stop_price numeric(38,9)
);
CREATE INDEX order_amends_order ON halcyon.order_amends (order_id, time);
COMMENT ON TABLE halcyon.order_amends IS
  'How far the amends of an order have come';
COMMENT ON COLUMN halcyon.order_amends.id IS
  'UUIDv5 in the journal''s namespace of ''order_amend/<sequence>/<ordinal>''';
COMMENT ON COLUMN halcyon.order_amends.time IS
  'Engine time of the frame; cut to microseconds, journal_sequence and ordinal keep the order';
COMMENT ON COLUMN halcyon.order_amends.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.order_amends.journal_sequence IS
  'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.order_amends.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.order_amends.order_id IS 'orders.id';
COMMENT ON COLUMN halcyon.order_amends.requested IS
  'The last version that was asked for; 0 is the order as it was placed';
COMMENT ON COLUMN halcyon.order_amends.accepted IS 'The last version that stands at the venue';
COMMENT ON COLUMN halcyon.order_amends.asked_quantity IS 'Of the version that was asked for';
COMMENT ON COLUMN halcyon.order_amends.asked_limit_price IS 'Likewise; null: the type has none';
COMMENT ON COLUMN halcyon.order_amends.asked_stop_price IS 'Likewise; null: the type has none';
COMMENT ON COLUMN halcyon.order_amends.quantity IS 'Of the version that stands';
COMMENT ON COLUMN halcyon.order_amends.limit_price IS 'Likewise; null: the type has none';
COMMENT ON COLUMN halcyon.order_amends.stop_price IS 'Likewise; null: the type has none';

CREATE TABLE halcyon.order_triggers (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  stop_price numeric(38,9),
  extreme_price numeric(38,9),
  is_triggered boolean NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  updated_at timestamptz NOT NULL
);
COMMENT ON TABLE halcyon.order_triggers IS
  'An order that the daemon keeps until its price comes';
COMMENT ON COLUMN halcyon.order_triggers.id IS 'orders.id';
COMMENT ON COLUMN halcyon.order_triggers.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.order_triggers.stop_price IS
  'Where it triggers now; null: it does not trail yet';
COMMENT ON COLUMN halcyon.order_triggers.extreme_price IS
  'The best price since it trails; null: none';
COMMENT ON COLUMN halcyon.order_triggers.is_triggered IS 'Its price has come';
COMMENT ON COLUMN halcyon.order_triggers.journal_sequence IS
  'The journal frame that last changed the row';
COMMENT ON COLUMN halcyon.order_triggers.updated_at IS 'Engine time of the last change';

CREATE TABLE halcyon.adjustments (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  number bigint NOT NULL,
  account_id uuid,
  asset text,
  amount numeric(38,9) NOT NULL,
  is_accepted boolean NOT NULL,
  user_id uuid NOT NULL,
  found_at timestamptz,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  updated_at timestamptz NOT NULL
);
COMMENT ON TABLE halcyon.adjustments IS
  'What the venue holds and nothing explains';
COMMENT ON COLUMN halcyon.adjustments.id IS
  'UUIDv5 in the journal''s namespace of ''adjustment/<number>''';
COMMENT ON COLUMN halcyon.adjustments.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.adjustments.number IS 'Counts the adjustments of the journal from 1';
COMMENT ON COLUMN halcyon.adjustments.account_id IS 'accounts.id';
COMMENT ON COLUMN halcyon.adjustments.asset IS 'Of the balance';
COMMENT ON COLUMN halcyon.adjustments.amount IS 'What the venue has more than we, signed';
COMMENT ON COLUMN halcyon.adjustments.is_accepted IS 'Taken as it is';
COMMENT ON COLUMN halcyon.adjustments.user_id IS 'users.id: who did it';
COMMENT ON COLUMN halcyon.adjustments.found_at IS 'Engine time at which it was found';
COMMENT ON COLUMN halcyon.adjustments.journal_sequence IS
  'The journal frame that last changed the row';
COMMENT ON COLUMN halcyon.adjustments.updated_at IS 'Engine time of the last change';

CREATE TABLE halcyon.cash_flows (
  id uuid PRIMARY KEY,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  account_id uuid,
  asset text,
  amount numeric(38,9) NOT NULL,
  venue_time timestamptz
);
COMMENT ON TABLE halcyon.cash_flows IS
  'Money that came or went without a trade';
COMMENT ON COLUMN halcyon.cash_flows.id IS
  'UUIDv5 in the journal''s namespace of ''cash_flow/<sequence>/<ordinal>''';
COMMENT ON COLUMN halcyon.cash_flows.time IS
  'Engine time of the frame; cut to microseconds, journal_sequence and ordinal keep the order';
COMMENT ON COLUMN halcyon.cash_flows.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.cash_flows.journal_sequence IS
  'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.cash_flows.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.cash_flows.account_id IS 'accounts.id';
COMMENT ON COLUMN halcyon.cash_flows.asset IS 'What came or went';
COMMENT ON COLUMN halcyon.cash_flows.amount IS 'Signed';
COMMENT ON COLUMN halcyon.cash_flows.venue_time IS 'The venue''s time; null: it gave none';

CREATE TABLE halcyon.limit_overrides (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  scope text NOT NULL CHECK (scope IN ('daemon', 'account', 'strategy', 'instrument')),
  account_id uuid,
  strategy_id uuid,
  instrument_id uuid,
  limit_type text NOT NULL CHECK (limit_type ~ '^[a-z][a-z0-9_]*$'),
  limit_value numeric(38,9) NOT NULL,
  is_active boolean NOT NULL,
  user_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  updated_at timestamptz NOT NULL
);
COMMENT ON TABLE halcyon.limit_overrides IS
  'A limit that was set at run time; where it is active it counts instead of the one in trading_limits';
COMMENT ON COLUMN halcyon.limit_overrides.id IS
  'UUIDv5 in the journal''s namespace of ''limit_override/<scope>/<dense id>/<limit_type>''';
COMMENT ON COLUMN halcyon.limit_overrides.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.limit_overrides.scope IS 'What it binds';
COMMENT ON COLUMN halcyon.limit_overrides.account_id IS 'accounts.id';
COMMENT ON COLUMN halcyon.limit_overrides.strategy_id IS 'strategies.id; null: external';
COMMENT ON COLUMN halcyon.limit_overrides.instrument_id IS 'instruments.id';
COMMENT ON COLUMN halcyon.limit_overrides.limit_type IS 'Which limit';
COMMENT ON COLUMN halcyon.limit_overrides.limit_value IS
  'Money, percent, or a count as it is written; seconds for a duration';
COMMENT ON COLUMN halcyon.limit_overrides.is_active IS 'false: given back to the configuration';
COMMENT ON COLUMN halcyon.limit_overrides.user_id IS 'users.id: who did it';
COMMENT ON COLUMN halcyon.limit_overrides.journal_sequence IS
  'The journal frame that last changed the row';
COMMENT ON COLUMN halcyon.limit_overrides.updated_at IS 'Engine time of the last change';

ALTER TABLE halcyon.fills ADD is_provisional boolean NOT NULL DEFAULT false,
  ADD fee_value numeric(38,9) NOT NULL DEFAULT 0;
COMMENT ON COLUMN halcyon.fills.is_provisional IS
  'Made of a cumulative quantity; the real ones replace it (fill_voids)';
COMMENT ON COLUMN halcyon.fills.fee_value IS 'The fee in quote currency at the time of the fill';
ALTER TABLE halcyon.positions ADD realized_pnl_fifo numeric(38,9) NOT NULL DEFAULT 0;
COMMENT ON COLUMN halcyon.positions.realized_pnl_fifo IS
  'Like realized_pnl, with what was bought first sold first';
ALTER TABLE halcyon.strategies ADD is_paused boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN halcyon.strategies.is_paused IS 'It places no orders until somebody lets it';
ALTER TABLE halcyon.order_events ADD version bigint;
COMMENT ON COLUMN halcyon.order_events.version IS 'Of the amend that a request is about; null: none';
DO $$
DECLARE
  part regclass;
BEGIN
  FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'halcyon.order_events'::regclass LOOP
    EXECUTE format('COMMENT ON COLUMN %s.version IS %L', part,
                   'Of the amend that a request is about; null: none');
  END LOOP;
END
$$;
ALTER TABLE halcyon.orders ADD group_id uuid, ADD replaces_id uuid, ADD expires_at timestamptz,
  ADD trailing_offset numeric(38,9), ADD trailing_bps integer,
  ADD self_trade_mode text CHECK (self_trade_mode IN (
      'venue_default', 'none', 'expire_taker', 'expire_maker', 'expire_both', 'decrement')),
  ADD is_emulated boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN halcyon.orders.group_id IS
  'orders.id of the group''s first order: orders of one group end each other; null: in no group';
COMMENT ON COLUMN halcyon.orders.replaces_id IS 'orders.id of the order whose new leg this is; null: none';
COMMENT ON COLUMN halcyon.orders.expires_at IS 'The order ends then; null: never';
COMMENT ON COLUMN halcyon.orders.trailing_offset IS 'Of a trailing stop, in quote currency; null: none';
COMMENT ON COLUMN halcyon.orders.trailing_bps IS 'Of a trailing stop, in hundredths of a percent; null: none';
COMMENT ON COLUMN halcyon.orders.self_trade_mode IS
  'What the venue does when the order would trade with another of the account';
COMMENT ON COLUMN halcyon.orders.is_emulated IS 'The daemon waits for the price; the venue sees it then';

-- Words that orders learned: held (kept by the daemon), agent (who asked).
ALTER TABLE halcyon.orders DROP CONSTRAINT orders_state_check;
ALTER TABLE halcyon.orders ADD CONSTRAINT orders_state_check CHECK (state IN (
    'pending_submit', 'submitted', 'accepted', 'partially_filled', 'pending_cancel',
    'pending_replace', 'unknown', 'held', 'filled', 'canceled', 'expired', 'rejected'));
ALTER TABLE halcyon.order_events DROP CONSTRAINT order_events_state_check;
ALTER TABLE halcyon.order_events ADD CONSTRAINT order_events_state_check CHECK (state IN (
    'pending_submit', 'submitted', 'accepted', 'partially_filled', 'pending_cancel',
    'pending_replace', 'unknown', 'held', 'filled', 'canceled', 'expired', 'rejected'));
ALTER TABLE halcyon.orders DROP CONSTRAINT orders_origin_check;
ALTER TABLE halcyon.orders ADD CONSTRAINT orders_origin_check CHECK (origin IN (
    'strategy', 'user', 'protection', 'external', 'agent'));
ALTER TABLE halcyon.order_denials DROP CONSTRAINT order_denials_origin_check;
ALTER TABLE halcyon.order_denials ADD CONSTRAINT order_denials_origin_check CHECK (origin IN (
    'strategy', 'user', 'protection', 'external', 'agent'));

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
  ('round_trips', NULL, 'time', 3653),
  ('fill_voids', NULL, 'time', 3653),
  ('order_amends', NULL, 'time', 3653),
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
