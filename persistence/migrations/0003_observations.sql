-- Observations: what the daemon saw and what it said. Not journaled: they may be lost while PostgreSQL
-- is behind (counted), and their keys make a repeat harmless.

CREATE TABLE halcyon.ticks (
  id uuid NOT NULL,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  instrument_id uuid NOT NULL,
  venue_trade_id numeric(20,0) NOT NULL,
  price numeric(38,9) NOT NULL,
  quantity numeric(38,9) NOT NULL,
  aggressor text NOT NULL CHECK (aggressor IN ('unknown', 'buyer', 'seller')),
  received_at timestamptz NOT NULL,
  PRIMARY KEY (id, time)
) PARTITION BY RANGE (time);
CREATE INDEX ticks_instrument ON halcyon.ticks (instrument_id, time);
COMMENT ON TABLE halcyon.ticks IS
  'One public trade, where they are kept ([observations].ticks)';
COMMENT ON COLUMN halcyon.ticks.id IS
  'UUIDv5 in the journal''s namespace of ''tick/<instrument>/<venue trade id>''';
COMMENT ON COLUMN halcyon.ticks.time IS 'The venue''s time of the trade; cut to microseconds';
COMMENT ON COLUMN halcyon.ticks.journal_id IS
  'The daemon''s journal, whose ids name the row (projections.id)';
COMMENT ON COLUMN halcyon.ticks.instrument_id IS 'instruments.id';
COMMENT ON COLUMN halcyon.ticks.venue_trade_id IS 'The venue''s number of the trade';
COMMENT ON COLUMN halcyon.ticks.price IS 'Quote currency per base unit';
COMMENT ON COLUMN halcyon.ticks.quantity IS 'Base units';
COMMENT ON COLUMN halcyon.ticks.aggressor IS 'Who took liquidity';
COMMENT ON COLUMN halcyon.ticks.received_at IS 'When the daemon had it, by its clock';

CREATE TABLE halcyon.candles (
  id uuid NOT NULL,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  instrument_id uuid NOT NULL,
  timeframe text NOT NULL CHECK (timeframe IN ('1m')),
  open numeric(38,9) NOT NULL,
  high numeric(38,9) NOT NULL,
  low numeric(38,9) NOT NULL,
  close numeric(38,9) NOT NULL,
  volume numeric(38,9) NOT NULL CHECK (volume >= 0),
  quote_volume numeric(38,9) NOT NULL,
  trade_count bigint NOT NULL CHECK (trade_count > 0),
  is_complete boolean NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (id, time),
  CHECK (high >= low AND high >= open AND high >= close AND low <= open AND low <= close)
) PARTITION BY RANGE (time);
CREATE INDEX candles_instrument ON halcyon.candles (instrument_id, timeframe, time);
COMMENT ON TABLE halcyon.candles IS
  'One minute of public trades; the longer ones are the views candles_1h and candles_1d';
COMMENT ON COLUMN halcyon.candles.id IS
  'UUIDv5 in the journal''s namespace of ''candle/<instrument>/<timeframe>/<open, ms since 1970>''';
COMMENT ON COLUMN halcyon.candles.time IS 'The candle''s open, the venue''s time';
COMMENT ON COLUMN halcyon.candles.journal_id IS
  'The daemon''s journal, whose ids name the row (projections.id)';
COMMENT ON COLUMN halcyon.candles.instrument_id IS 'instruments.id';
COMMENT ON COLUMN halcyon.candles.timeframe IS 'Its length';
COMMENT ON COLUMN halcyon.candles.open IS 'First price';
COMMENT ON COLUMN halcyon.candles.high IS 'Greatest price';
COMMENT ON COLUMN halcyon.candles.low IS 'Least price';
COMMENT ON COLUMN halcyon.candles.close IS 'Last price so far';
COMMENT ON COLUMN halcyon.candles.volume IS 'Base units traded';
COMMENT ON COLUMN halcyon.candles.quote_volume IS 'Quote currency traded';
COMMENT ON COLUMN halcyon.candles.trade_count IS 'Trades in it';
COMMENT ON COLUMN halcyon.candles.is_complete IS
  'false: trades may be missing (a start within it, a loss, or it is still open)';
COMMENT ON COLUMN halcyon.candles.updated_at IS 'When the daemon last wrote it, by its clock';

CREATE TABLE halcyon.tickers (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  instrument_id uuid NOT NULL,
  bid_price numeric(38,9),
  bid_quantity numeric(38,9),
  ask_price numeric(38,9),
  ask_quantity numeric(38,9),
  last_price numeric(38,9),
  last_quantity numeric(38,9),
  updated_at timestamptz NOT NULL
);
COMMENT ON TABLE halcyon.tickers IS
  'The newest price of each instrument';
COMMENT ON COLUMN halcyon.tickers.id IS
  'UUIDv5 in the journal''s namespace of ''ticker/<instrument>''';
COMMENT ON COLUMN halcyon.tickers.journal_id IS
  'The daemon''s journal, whose ids name the row (projections.id)';
COMMENT ON COLUMN halcyon.tickers.instrument_id IS 'instruments.id';
COMMENT ON COLUMN halcyon.tickers.bid_price IS 'Best bid; null: none seen';
COMMENT ON COLUMN halcyon.tickers.bid_quantity IS 'Base units at it';
COMMENT ON COLUMN halcyon.tickers.ask_price IS 'Best ask; null: none seen';
COMMENT ON COLUMN halcyon.tickers.ask_quantity IS 'Base units at it';
COMMENT ON COLUMN halcyon.tickers.last_price IS
  'Of the last public trade; null: none seen, or trades are not listened to';
COMMENT ON COLUMN halcyon.tickers.last_quantity IS 'Of the last public trade';
COMMENT ON COLUMN halcyon.tickers.updated_at IS
  'When the daemon had the newest of it, by its clock';

CREATE TABLE halcyon.book_snapshots (
  id uuid NOT NULL,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  instrument_id uuid NOT NULL,
  update_id numeric(20,0) NOT NULL,
  bids jsonb NOT NULL,
  asks jsonb NOT NULL,
  PRIMARY KEY (id, time)
) PARTITION BY RANGE (time);
CREATE INDEX book_snapshots_instrument ON halcyon.book_snapshots (instrument_id, time);
COMMENT ON TABLE halcyon.book_snapshots IS
  'The best levels of an order book now and then';
COMMENT ON COLUMN halcyon.book_snapshots.id IS
  'UUIDv5 in the journal''s namespace of ''book/<instrument>/<ns since 1970>''';
COMMENT ON COLUMN halcyon.book_snapshots.time IS 'When the daemon had the book so, by its clock';
COMMENT ON COLUMN halcyon.book_snapshots.journal_id IS
  'The daemon''s journal, whose ids name the row (projections.id)';
COMMENT ON COLUMN halcyon.book_snapshots.instrument_id IS 'instruments.id';
COMMENT ON COLUMN halcyon.book_snapshots.update_id IS
  'The venue''s number of the last update in it';
COMMENT ON COLUMN halcyon.book_snapshots.bids IS
  '[[price, quantity], ...] best first, amounts as text';
COMMENT ON COLUMN halcyon.book_snapshots.asks IS 'Likewise';

CREATE TABLE halcyon.system_log (
  id uuid NOT NULL,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  epoch bigint NOT NULL,
  number bigint NOT NULL,
  level text NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error')),
  module text NOT NULL,
  message text NOT NULL,
  PRIMARY KEY (id, time)
) PARTITION BY RANGE (time);
CREATE INDEX system_log_time ON halcyon.system_log (time);
COMMENT ON TABLE halcyon.system_log IS
  'What the daemon said';
COMMENT ON COLUMN halcyon.system_log.id IS
  'UUIDv5 in the journal''s namespace of ''log/<epoch>/<number in this start>''';
COMMENT ON COLUMN halcyon.system_log.time IS 'When, by the daemon''s clock';
COMMENT ON COLUMN halcyon.system_log.journal_id IS
  'The daemon''s journal, whose ids name the row (projections.id)';
COMMENT ON COLUMN halcyon.system_log.epoch IS 'The start that said it (daemon_epochs.epoch)';
COMMENT ON COLUMN halcyon.system_log.number IS
  'Counts the lines of one start; a hole is a line that was lost';
COMMENT ON COLUMN halcyon.system_log.level IS 'How bad';
COMMENT ON COLUMN halcyon.system_log.module IS 'Which part of the daemon';
COMMENT ON COLUMN halcyon.system_log.message IS 'The line';

CREATE TABLE halcyon.venue_status (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  venue text NOT NULL,
  account_id uuid,
  stream text NOT NULL CHECK (stream IN ('market', 'orders')),
  state text NOT NULL CHECK (state IN ('down', 'connecting', 'ready')),
  reason text CHECK (reason ~ '^[a-z][a-z0-9_]*$'),
  text text,
  response_time_ms bigint,
  clock_offset_ms bigint,
  since timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
COMMENT ON TABLE halcyon.venue_status IS
  'The health of each connection to a venue, as it is now';
COMMENT ON COLUMN halcyon.venue_status.id IS
  'UUIDv5 in the journal''s namespace of ''venue_status/<venue>/<account>/<stream>''';
COMMENT ON COLUMN halcyon.venue_status.journal_id IS
  'The daemon''s journal, whose ids name the row (projections.id)';
COMMENT ON COLUMN halcyon.venue_status.venue IS 'The venue''s name in the configuration';
COMMENT ON COLUMN halcyon.venue_status.account_id IS
  'accounts.id, of a stream of orders; null: public data';
COMMENT ON COLUMN halcyon.venue_status.stream IS
  'market: public data; orders: orders and the private stream';
COMMENT ON COLUMN halcyon.venue_status.state IS 'ready: everything that it must tell is heard';
COMMENT ON COLUMN halcyon.venue_status.reason IS 'Why it is down';
COMMENT ON COLUMN halcyon.venue_status.text IS 'In words, where there are any';
COMMENT ON COLUMN halcyon.venue_status.response_time_ms IS
  'Round trip of the last measurement of the venue''s clock; null: none';
COMMENT ON COLUMN halcyon.venue_status.clock_offset_ms IS
  'The venue''s clock less ours; null: not measured';
COMMENT ON COLUMN halcyon.venue_status.since IS 'Engine time of the last change of state';
COMMENT ON COLUMN halcyon.venue_status.updated_at IS 'When the daemon last wrote it, by its clock';

CREATE TABLE halcyon.venue_rate_limits (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  session text NOT NULL,
  name text NOT NULL,
  used bigint NOT NULL,
  most bigint,
  updated_at timestamptz NOT NULL
);
COMMENT ON TABLE halcyon.venue_rate_limits IS
  'How much of a venue''s limits is used, as it last told';
COMMENT ON COLUMN halcyon.venue_rate_limits.id IS
  'UUIDv5 in the journal''s namespace of ''venue_rate_limit/<session>/<name>''';
COMMENT ON COLUMN halcyon.venue_rate_limits.journal_id IS
  'The daemon''s journal, whose ids name the row (projections.id)';
COMMENT ON COLUMN halcyon.venue_rate_limits.session IS 'The connection that was told';
COMMENT ON COLUMN halcyon.venue_rate_limits.name IS 'What is counted';
COMMENT ON COLUMN halcyon.venue_rate_limits.used IS 'Of it in the current window';
COMMENT ON COLUMN halcyon.venue_rate_limits.most IS 'The limit; null: the venue has not told it';
COMMENT ON COLUMN halcyon.venue_rate_limits.updated_at IS 'When, by the daemon''s clock';

CREATE TABLE halcyon.api_requests (
  id uuid NOT NULL,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  epoch bigint NOT NULL,
  number bigint NOT NULL,
  direction text NOT NULL CHECK (direction IN ('admin', 'venue')),
  caller text NOT NULL,
  endpoint text NOT NULL,
  method text NOT NULL,
  status integer NOT NULL,
  duration_us bigint NOT NULL CHECK (duration_us >= 0),
  PRIMARY KEY (id, time)
) PARTITION BY RANGE (time);
CREATE INDEX api_requests_time ON halcyon.api_requests (time);
COMMENT ON TABLE halcyon.api_requests IS
  'One call: of somebody to the daemon, or of the daemon to a venue over REST';
COMMENT ON COLUMN halcyon.api_requests.id IS
  'UUIDv5 in the journal''s namespace of ''api/<epoch>/<number in this start>''';
COMMENT ON COLUMN halcyon.api_requests.time IS 'When it was answered, by the daemon''s clock';
COMMENT ON COLUMN halcyon.api_requests.journal_id IS
  'The daemon''s journal, whose ids name the row (projections.id)';
COMMENT ON COLUMN halcyon.api_requests.epoch IS 'The start that counted it (daemon_epochs.epoch)';
COMMENT ON COLUMN halcyon.api_requests.number IS
  'Counts the calls of one start; a hole is a call that was lost';
COMMENT ON COLUMN halcyon.api_requests.direction IS 'admin: to us; venue: by us';
COMMENT ON COLUMN halcyon.api_requests.caller IS
  'Who called: a Unix user of the admin socket, or one of our sessions';
COMMENT ON COLUMN halcyon.api_requests.endpoint IS 'The venue''s host; admin: the socket';
COMMENT ON COLUMN halcyon.api_requests.method IS
  'The admin method; GET, POST ... and the path without its query';
COMMENT ON COLUMN halcyon.api_requests.status IS
  'HTTP''s; admin: 200 done, 202 handed to the engine, 400 refused, 403 not permitted, 404 unknown method';
COMMENT ON COLUMN halcyon.api_requests.duration_us IS 'How long it took';

INSERT INTO halcyon.retention (table_name, period, time_column, keep_days) VALUES
  ('ticks', 'day', 'time', 7),
  ('candles', 'month', 'time', 1826),
  ('book_snapshots', 'day', 'time', 7),
  ('system_log', 'month', 'time', 90),
  ('api_requests', 'day', 'time', 30);

-- TimescaleDB, where it is installed: hypertables with its compression and retention instead of our
-- partitions, under the same names. NOT RUN by our tests: the extension is not in Debian.
DO $$
DECLARE
  policy record;
BEGIN
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
    FOR policy IN SELECT * FROM halcyon.retention
                  WHERE table_name IN ('ticks', 'candles', 'book_snapshots', 'system_log', 'api_requests')
    LOOP
      EXECUTE format('CREATE TABLE halcyon.%I (LIKE halcyon.%I INCLUDING ALL)',
                     policy.table_name || '_plain', policy.table_name);
      EXECUTE format('DROP TABLE halcyon.%I', policy.table_name);
      EXECUTE format('ALTER TABLE halcyon.%I RENAME TO %I', policy.table_name || '_plain',
                     policy.table_name);
      EXECUTE format('SELECT public.create_hypertable(%L, %L, chunk_time_interval => interval %L)',
                     'halcyon.' || policy.table_name, 'time',
                     CASE policy.period WHEN 'day' THEN '1 day' ELSE '7 days' END);
      EXECUTE format('ALTER TABLE halcyon.%I SET (timescaledb.compress, timescaledb.compress_orderby = %L)',
                     policy.table_name, 'time DESC');
      EXECUTE format('SELECT public.add_compression_policy(%L, interval %L)',
                     'halcyon.' || policy.table_name, '7 days');
      EXECUTE format('SELECT public.add_retention_policy(%L, interval %L)',
                     'halcyon.' || policy.table_name, policy.keep_days || ' days');
    END LOOP;
    RAISE NOTICE 'halcyon: hypertables of TimescaleDB';
  ELSE
    PERFORM halcyon.ensure_partition(table_name, NULL) FROM halcyon.retention
      WHERE table_name IN ('ticks', 'candles', 'book_snapshots', 'system_log', 'api_requests');
    RAISE NOTICE 'halcyon: plain partitions; TimescaleDB is not installed';
  END IF;
END
$$;

-- The longer candles. Plain views are always right and need no job; TimescaleDB gets continuous
-- aggregates of the same names (NOT RUN by our tests).
DO $$
DECLARE
  frame record;
  body text := 'SELECT instrument_id, %s AS time, '
    '(%s)::numeric(38,9) AS open, max(high)::numeric(38,9) AS high, '
    'min(low)::numeric(38,9) AS low, (%s)::numeric(38,9) AS close, '
    'sum(volume)::numeric(38,9) AS volume, sum(quote_volume)::numeric(38,9) AS quote_volume, '
    'sum(trade_count)::bigint AS trade_count, bool_and(is_complete) AS is_complete '
    'FROM halcyon.candles WHERE timeframe = ''1m'' GROUP BY 1, 2';
BEGIN
  FOR frame IN SELECT * FROM (VALUES ('1h', 'hour'), ('1d', 'day')) AS f (name, unit) LOOP
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
      EXECUTE format('CREATE MATERIALIZED VIEW halcyon.candles_%s WITH (timescaledb.continuous) AS ',
                     frame.name)
        || format(body, format('public.time_bucket(interval ''1 %s'', time)', frame.unit),
                  'public.first(open, time)', 'public.last(close, time)')
        || ' WITH NO DATA';
      EXECUTE format('SELECT public.add_continuous_aggregate_policy(''halcyon.candles_%s'', '
                     'start_offset => interval ''3 days'', end_offset => interval ''1 minute'', '
                     'schedule_interval => interval ''1 minute'')', frame.name);
    ELSE
      EXECUTE format('CREATE VIEW halcyon.candles_%s WITH (security_invoker = true) AS ', frame.name)
        || format(body, format('date_trunc(%L, time, ''UTC'')', frame.unit),
                  '(array_agg(open ORDER BY time))[1]', '(array_agg(close ORDER BY time DESC))[1]');
      EXECUTE format('COMMENT ON VIEW halcyon.candles_%s IS %L', frame.name,
                     'Candles of one ' || frame.unit || ' (UTC), from candles');
    END IF;
    EXECUTE format($f$
      COMMENT ON COLUMN halcyon.candles_%1$s.instrument_id IS 'instruments.id';
      COMMENT ON COLUMN halcyon.candles_%1$s.time IS 'The candle''s open, the venue''s time';
      COMMENT ON COLUMN halcyon.candles_%1$s.open IS 'First price';
      COMMENT ON COLUMN halcyon.candles_%1$s.high IS 'Greatest price';
      COMMENT ON COLUMN halcyon.candles_%1$s.low IS 'Least price';
      COMMENT ON COLUMN halcyon.candles_%1$s.close IS 'Last price so far';
      COMMENT ON COLUMN halcyon.candles_%1$s.volume IS 'Base units traded';
      COMMENT ON COLUMN halcyon.candles_%1$s.quote_volume IS 'Quote currency traded';
      COMMENT ON COLUMN halcyon.candles_%1$s.trade_count IS 'Trades in it';
      COMMENT ON COLUMN halcyon.candles_%1$s.is_complete IS 'Every minute in it that has a candle is complete';
    $f$, frame.name);
  END LOOP;
END
$$;
