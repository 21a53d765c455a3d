-- What the daemon writes today: one projection of one journal a daemon, and the rows it makes.
--
-- Rows refer to each other by ids that are computed from the journal, never looked up. There are no
-- foreign keys between them: a row that PostgreSQL refuses is set aside (rejected_rows) and must not
-- take its neighbours with it. Closed vocabularies are CHECKed word by word; open ones (reasons,
-- notice codes), which grow with every venue, by their shape, so that a new word never costs a row.

CREATE TABLE halcyon.projections (
  id uuid PRIMARY KEY,
  daemon text NOT NULL,
  is_current boolean NOT NULL,
  position bigint NOT NULL CHECK (position >= 0),
  position_received_ns bigint,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE INDEX projections_daemon ON halcyon.projections (daemon);
COMMENT ON TABLE halcyon.projections IS
  'How far each journal has been written here. The position moves in the same transaction as the rows, so that every journal record is here exactly once';
COMMENT ON COLUMN halcyon.projections.id IS 'The journal''s own UUID';
COMMENT ON COLUMN halcyon.projections.daemon IS 'The daemon''s name in its configuration';
COMMENT ON COLUMN halcyon.projections.is_current IS
  'Whether this is the newest journal of that daemon; rows of older ones are history';
COMMENT ON COLUMN halcyon.projections.position IS
  'Every frame up to this sequence is in these tables, none behind it';
COMMENT ON COLUMN halcyon.projections.position_received_ns IS
  'Engine time of the frame at the position, in nanoseconds since 1970: a restored or foreign journal has another; null at position 0';
COMMENT ON COLUMN halcyon.projections.created_at IS
  'When the projection began, by the server''s clock';
COMMENT ON COLUMN halcyon.projections.updated_at IS
  'When the position last moved, by the server''s clock';

CREATE TABLE halcyon.journal_names (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN (
      'venue', 'asset', 'account', 'strategy', 'instrument', 'user')),
  dense_id bigint NOT NULL,
  name text NOT NULL,
  venue_dense_id bigint,
  base_dense_id bigint,
  quote_dense_id bigint,
  asset_class text CHECK (asset_class IN ('crypto', 'stock', 'fiat')),
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  UNIQUE (journal_id, kind, dense_id)
);
COMMENT ON TABLE halcyon.journal_names IS
  'The journal''s dictionary: what its dense ids mean. A projector that starts in the middle of a journal reads it from here';
COMMENT ON COLUMN halcyon.journal_names.id IS
  'UUIDv5 in the journal''s namespace of ''name/<kind>/<dense id>''';
COMMENT ON COLUMN halcyon.journal_names.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.journal_names.kind IS 'What is named';
COMMENT ON COLUMN halcyon.journal_names.dense_id IS 'The number that journal records hold';
COMMENT ON COLUMN halcyon.journal_names.name IS
  'The name, as in the configuration; an instrument''s symbol';
COMMENT ON COLUMN halcyon.journal_names.venue_dense_id IS
  'Of an account or an instrument: its venue';
COMMENT ON COLUMN halcyon.journal_names.base_dense_id IS 'Of an instrument: its base asset';
COMMENT ON COLUMN halcyon.journal_names.quote_dense_id IS 'Of an instrument: its quote asset';
COMMENT ON COLUMN halcyon.journal_names.asset_class IS 'Of an asset or an instrument';
COMMENT ON COLUMN halcyon.journal_names.journal_sequence IS
  'The journal frame that last changed the row';

CREATE TABLE halcyon.users (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (name)
);
COMMENT ON TABLE halcyon.users IS
  'Owners: on whose behalf accounts trade and commands are given. Shared by every daemon that writes here';
COMMENT ON COLUMN halcyon.users.id IS
  'UUIDv5 of the name in Halcyon''s own namespace 6b2f6d0e-3a0b-5a5e-9d2c-4c7a1f0e8b11: the same for every journal';
COMMENT ON COLUMN halcyon.users.name IS
  'The name in configuration and journal; ''daemon'' is the daemon itself';
COMMENT ON COLUMN halcyon.users.created_at IS 'Engine time at which the row first appeared';
COMMENT ON COLUMN halcyon.users.updated_at IS 'Engine time of the last change';

CREATE TABLE halcyon.accounts (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  dense_id bigint NOT NULL,
  daemon text NOT NULL,
  name text NOT NULL,
  venue text NOT NULL,
  venue_kind text,
  environment text CHECK (environment IN ('production', 'testnet', 'venue_paper', 'simulator')),
  mode text CHECK (mode IN ('live', 'paper')),
  owner_id uuid,
  is_ready boolean NOT NULL DEFAULT false,
  ready_reason text CHECK (ready_reason ~ '^[a-z][a-z0-9_]*$'),
  version bigint,
  definition text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (journal_id, dense_id)
);
COMMENT ON TABLE halcyon.accounts IS
  'One venue account that orders go to';
COMMENT ON COLUMN halcyon.accounts.id IS
  'UUIDv5 in the journal''s namespace of ''account/<dense id>''';
COMMENT ON COLUMN halcyon.accounts.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.accounts.dense_id IS 'The number that journal records hold';
COMMENT ON COLUMN halcyon.accounts.daemon IS 'The daemon that trades it';
COMMENT ON COLUMN halcyon.accounts.name IS 'The name in the configuration';
COMMENT ON COLUMN halcyon.accounts.venue IS 'The venue''s name in the configuration';
COMMENT ON COLUMN halcyon.accounts.venue_kind IS
  'The protocol spoken: binance, coinbase, alpaca; null: the configuration no longer names the venue';
COMMENT ON COLUMN halcyon.accounts.environment IS
  'The venue''s environment; null: the configuration no longer named the account when the row was written';
COMMENT ON COLUMN halcyon.accounts.mode IS
  'live: orders go to the venue; paper: matched in the daemon; null as in environment';
COMMENT ON COLUMN halcyon.accounts.owner_id IS
  'users.id; null: the configuration no longer names the account';
COMMENT ON COLUMN halcyon.accounts.is_ready IS
  'Whether the account may trade: its state was compared with the venue''s since the last connect';
COMMENT ON COLUMN halcyon.accounts.ready_reason IS 'Why it may not';
COMMENT ON COLUMN halcyon.accounts.version IS 'Version of the definition';
COMMENT ON COLUMN halcyon.accounts.definition IS
  'The definition as it took effect, without secrets';
COMMENT ON COLUMN halcyon.accounts.created_at IS 'Engine time at which the row first appeared';
COMMENT ON COLUMN halcyon.accounts.updated_at IS 'Engine time of the last change';

CREATE TABLE halcyon.instruments (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  dense_id bigint NOT NULL,
  venue text NOT NULL,
  symbol text NOT NULL,
  base_asset text NOT NULL,
  quote_asset text NOT NULL,
  asset_class text NOT NULL CHECK (asset_class IN ('crypto', 'stock', 'fiat')),
  status text NOT NULL DEFAULT 'unknown' CHECK (status IN (
      'unknown', 'trading', 'cancel_only', 'halted')),
  tick_size numeric(38,9),
  min_price numeric(38,9),
  max_price numeric(38,9),
  lot_size numeric(38,9),
  min_quantity numeric(38,9),
  max_quantity numeric(38,9),
  max_market_quantity numeric(38,9),
  min_notional numeric(38,9),
  max_notional numeric(38,9),
  is_min_notional_for_market boolean,
  is_max_notional_for_market boolean,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (journal_id, dense_id)
);
CREATE INDEX instruments_symbol ON halcyon.instruments (symbol);
COMMENT ON TABLE halcyon.instruments IS
  'What can be traded at one venue, with the venue''s rules';
COMMENT ON COLUMN halcyon.instruments.id IS
  'UUIDv5 in the journal''s namespace of ''instrument/<dense id>''';
COMMENT ON COLUMN halcyon.instruments.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.instruments.dense_id IS 'The number that journal records hold';
COMMENT ON COLUMN halcyon.instruments.venue IS 'The venue''s name in the configuration';
COMMENT ON COLUMN halcyon.instruments.symbol IS 'BASE/QUOTE, or a stock''s ticker';
COMMENT ON COLUMN halcyon.instruments.base_asset IS 'What is traded';
COMMENT ON COLUMN halcyon.instruments.quote_asset IS 'What it is priced in';
COMMENT ON COLUMN halcyon.instruments.asset_class IS 'Of the base asset';
COMMENT ON COLUMN halcyon.instruments.status IS 'Whether the venue takes orders for it';
COMMENT ON COLUMN halcyon.instruments.tick_size IS
  'A price is a multiple of this; 0: no rule; null: the venue''s rules are not known yet';
COMMENT ON COLUMN halcyon.instruments.min_price IS 'Inclusive';
COMMENT ON COLUMN halcyon.instruments.max_price IS 'Inclusive; 0: no rule';
COMMENT ON COLUMN halcyon.instruments.lot_size IS 'A quantity is a multiple of this; 0: no rule';
COMMENT ON COLUMN halcyon.instruments.min_quantity IS 'Inclusive';
COMMENT ON COLUMN halcyon.instruments.max_quantity IS 'Inclusive; 0: no rule';
COMMENT ON COLUMN halcyon.instruments.max_market_quantity IS
  'Of a market order, beside max_quantity; 0: no rule';
COMMENT ON COLUMN halcyon.instruments.min_notional IS
  'Price times quantity, in the quote asset, inclusive';
COMMENT ON COLUMN halcyon.instruments.max_notional IS 'Inclusive; 0: no rule';
COMMENT ON COLUMN halcyon.instruments.is_min_notional_for_market IS
  'Whether min_notional applies to market orders too';
COMMENT ON COLUMN halcyon.instruments.is_max_notional_for_market IS
  'Whether max_notional applies to market orders too';
COMMENT ON COLUMN halcyon.instruments.created_at IS 'Engine time at which the row first appeared';
COMMENT ON COLUMN halcyon.instruments.updated_at IS 'Engine time of the last change';

CREATE TABLE halcyon.strategies (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  dense_id bigint NOT NULL,
  daemon text NOT NULL,
  name text NOT NULL,
  type text,
  owner_id uuid,
  version bigint,
  definition text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (journal_id, dense_id)
);
COMMENT ON TABLE halcyon.strategies IS
  'What to trade and when';
COMMENT ON COLUMN halcyon.strategies.id IS
  'UUIDv5 in the journal''s namespace of ''strategy/<dense id>''';
COMMENT ON COLUMN halcyon.strategies.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.strategies.dense_id IS 'The number that journal records hold';
COMMENT ON COLUMN halcyon.strategies.daemon IS 'The daemon that runs it';
COMMENT ON COLUMN halcyon.strategies.name IS 'The name in the configuration';
COMMENT ON COLUMN halcyon.strategies.type IS
  'trend_following, rules, ...; null: the configuration no longer names the strategy';
COMMENT ON COLUMN halcyon.strategies.owner_id IS 'users.id; null as in type';
COMMENT ON COLUMN halcyon.strategies.version IS 'Version of the definition';
COMMENT ON COLUMN halcyon.strategies.definition IS 'The definition as it took effect';
COMMENT ON COLUMN halcyon.strategies.created_at IS 'Engine time at which the row first appeared';
COMMENT ON COLUMN halcyon.strategies.updated_at IS 'Engine time of the last change';

CREATE TABLE halcyon.definitions (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  time timestamptz NOT NULL,
  kind text NOT NULL CHECK (kind IN ('configuration', 'account', 'strategy', 'limits')),
  account_id uuid,
  strategy_id uuid,
  version bigint NOT NULL,
  user_id uuid NOT NULL,
  sha256 text NOT NULL,
  definition text NOT NULL
);
CREATE INDEX definitions_time ON halcyon.definitions (time);
COMMENT ON TABLE halcyon.definitions IS
  'Every definition that took effect, oldest first: configuration, accounts, strategies with their versions, limits';
COMMENT ON COLUMN halcyon.definitions.id IS
  'UUIDv5 in the journal''s namespace of ''definition/<sequence>/<ordinal>''';
COMMENT ON COLUMN halcyon.definitions.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.definitions.journal_sequence IS
  'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.definitions.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.definitions.time IS
  'Engine time of the frame; cut to microseconds, journal_sequence and ordinal keep the order';
COMMENT ON COLUMN halcyon.definitions.kind IS 'What was defined';
COMMENT ON COLUMN halcyon.definitions.account_id IS 'accounts.id, of kind account';
COMMENT ON COLUMN halcyon.definitions.strategy_id IS 'strategies.id, of kind strategy';
COMMENT ON COLUMN halcyon.definitions.version IS 'Counts the definitions of this thing';
COMMENT ON COLUMN halcyon.definitions.user_id IS 'users.id: who asked';
COMMENT ON COLUMN halcyon.definitions.sha256 IS 'Of the definition''s text, in hexadecimal';
COMMENT ON COLUMN halcyon.definitions.definition IS 'The text, without secrets';

CREATE TABLE halcyon.daemon_epochs (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  daemon text NOT NULL,
  epoch bigint NOT NULL,
  started_at timestamptz NOT NULL
);
CREATE INDEX daemon_epochs_epoch ON halcyon.daemon_epochs (daemon, epoch);
COMMENT ON TABLE halcyon.daemon_epochs IS
  'Every start of a daemon. Client order ids carry the epoch, so that no id is ever used twice, even when a data directory was lost';
COMMENT ON COLUMN halcyon.daemon_epochs.id IS
  'UUIDv5 in the journal''s namespace of ''epoch/<epoch>''';
COMMENT ON COLUMN halcyon.daemon_epochs.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.daemon_epochs.journal_sequence IS
  'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.daemon_epochs.daemon IS 'The daemon''s name in its configuration';
COMMENT ON COLUMN halcyon.daemon_epochs.epoch IS
  'Second of the start since 1970, greater than every earlier one of this daemon';
COMMENT ON COLUMN halcyon.daemon_epochs.started_at IS 'Engine time of the start';

CREATE TABLE halcyon.orders (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  client_order_id text NOT NULL,
  account_id uuid NOT NULL,
  strategy_id uuid,
  instrument_id uuid NOT NULL,
  parent_id uuid,
  environment text CHECK (environment IN ('production', 'testnet', 'venue_paper', 'simulator')),
  mode text CHECK (mode IN ('live', 'paper')),
  side text NOT NULL CHECK (side IN ('buy', 'sell')),
  type text NOT NULL CHECK (type IN (
      'market', 'limit', 'stop', 'stop_limit', 'take_profit', 'take_profit_limit',
      'trailing_stop')),
  time_in_force text NOT NULL CHECK (time_in_force IN ('gtc', 'ioc', 'fok', 'day', 'gtd')),
  origin text NOT NULL CHECK (origin IN ('strategy', 'user', 'protection', 'external')),
  is_post_only boolean NOT NULL,
  is_reduce_only boolean NOT NULL,
  quantity numeric(38,9) NOT NULL,
  limit_price numeric(38,9),
  stop_price numeric(38,9),
  state text NOT NULL DEFAULT 'pending_submit' CHECK (state IN (
      'pending_submit', 'submitted', 'accepted', 'partially_filled', 'pending_cancel',
      'pending_replace', 'unknown', 'filled', 'canceled', 'expired', 'rejected')),
  reason text CHECK (reason ~ '^[a-z][a-z0-9_]*$'),
  text text,
  venue_order_id text,
  filled_quantity numeric(38,9) NOT NULL DEFAULT 0,
  filled_quote numeric(38,9) NOT NULL DEFAULT 0,
  reported_quantity numeric(38,9) NOT NULL DEFAULT 0,
  average_price numeric(38,9),
  source text CHECK (source IN (
      'inference', 'list_query', 'single_query', 'private_stream', 'trade_record',
      'operator_command')),
  venue_time timestamptz,
  venue_sequence numeric(20,0),
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE INDEX orders_client_order_id ON halcyon.orders (client_order_id);
CREATE INDEX orders_account ON halcyon.orders (account_id, created_at);
CREATE INDEX orders_alive ON halcyon.orders (account_id)
  WHERE state NOT IN ('filled', 'canceled', 'expired', 'rejected');
COMMENT ON TABLE halcyon.orders IS
  'One order and its last known state; its life is in order_events. Orders that the risk gate refused are in order_denials: they never existed';
COMMENT ON COLUMN halcyon.orders.id IS
  'UUIDv5 in the journal''s namespace of ''order/<epoch>-<counter>''';
COMMENT ON COLUMN halcyon.orders.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.orders.client_order_id IS
  'The id that the venue knows: ours, or the client id of an external order';
COMMENT ON COLUMN halcyon.orders.account_id IS 'accounts.id';
COMMENT ON COLUMN halcyon.orders.strategy_id IS
  'strategies.id; null: an operator''s or an external order';
COMMENT ON COLUMN halcyon.orders.instrument_id IS 'instruments.id';
COMMENT ON COLUMN halcyon.orders.parent_id IS 'orders.id of the parent of a child order';
COMMENT ON COLUMN halcyon.orders.environment IS
  'The venue''s environment; null: the configuration no longer named the account when the row was written';
COMMENT ON COLUMN halcyon.orders.mode IS
  'live: orders go to the venue; paper: matched in the daemon; null as in environment';
COMMENT ON COLUMN halcyon.orders.side IS 'Direction';
COMMENT ON COLUMN halcyon.orders.type IS 'Kind of order';
COMMENT ON COLUMN halcyon.orders.time_in_force IS 'How long it works';
COMMENT ON COLUMN halcyon.orders.origin IS 'Who asked for it; external: not placed by this daemon';
COMMENT ON COLUMN halcyon.orders.is_post_only IS
  'Refused by the venue rather than taking liquidity';
COMMENT ON COLUMN halcyon.orders.is_reduce_only IS 'May only make a position smaller';
COMMENT ON COLUMN halcyon.orders.quantity IS 'Base units asked for';
COMMENT ON COLUMN halcyon.orders.limit_price IS 'Null where the type has none';
COMMENT ON COLUMN halcyon.orders.stop_price IS 'Null where the type has none';
COMMENT ON COLUMN halcyon.orders.state IS
  'Last known state; unknown: an answer is missing and the order counts as alive';
COMMENT ON COLUMN halcyon.orders.reason IS 'Why it is in that state, where there is a why';
COMMENT ON COLUMN halcyon.orders.text IS 'The venue''s words';
COMMENT ON COLUMN halcyon.orders.venue_order_id IS 'The venue''s id: a number, or a UUID';
COMMENT ON COLUMN halcyon.orders.filled_quantity IS 'Sum of the booked fills, base units';
COMMENT ON COLUMN halcyon.orders.filled_quote IS 'Sum of the booked fills, quote currency';
COMMENT ON COLUMN halcyon.orders.reported_quantity IS
  'The greatest cumulative quantity that the venue has named';
COMMENT ON COLUMN halcyon.orders.average_price IS
  'filled_quote / filled_quantity, rounded half to even; null while nothing is filled';
COMMENT ON COLUMN halcyon.orders.source IS
  'What the state rests on, weakest first: inference, list_query, single_query, private_stream, trade_record, operator_command';
COMMENT ON COLUMN halcyon.orders.venue_time IS
  'The venue''s clock at the last change; null: it gave none';
COMMENT ON COLUMN halcyon.orders.venue_sequence IS
  'The venue''s sequence at the last change; null: it gave none';
COMMENT ON COLUMN halcyon.orders.journal_sequence IS 'The journal frame that last changed the row';
COMMENT ON COLUMN halcyon.orders.created_at IS 'Engine time at which the row first appeared';
COMMENT ON COLUMN halcyon.orders.updated_at IS 'Engine time of the last change';

CREATE TABLE halcyon.order_events (
  id uuid NOT NULL,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  order_id uuid NOT NULL,
  event text NOT NULL CHECK (event IN ('opened', 'changed', 'request')),
  state text CHECK (state IN (
      'pending_submit', 'submitted', 'accepted', 'partially_filled', 'pending_cancel',
      'pending_replace', 'unknown', 'filled', 'canceled', 'expired', 'rejected')),
  request_id uuid,
  request_kind text CHECK (request_kind IN ('place', 'cancel', 'replace')),
  request_state text CHECK (request_state IN (
      'journaled', 'sent', 'acknowledged', 'refused', 'unknown')),
  valid_until timestamptz,
  reason text CHECK (reason ~ '^[a-z][a-z0-9_]*$'),
  venue_code integer,
  text text,
  venue_order_id text,
  filled_quantity numeric(38,9),
  filled_quote numeric(38,9),
  reported_quantity numeric(38,9),
  source text CHECK (source IN (
      'inference', 'list_query', 'single_query', 'private_stream', 'trade_record',
      'operator_command')),
  venue_time timestamptz,
  venue_sequence numeric(20,0),
  PRIMARY KEY (id, time)
) PARTITION BY RANGE (time);
CREATE INDEX order_events_order ON halcyon.order_events (order_id, time);
COMMENT ON TABLE halcyon.order_events IS
  'Everything that happened to an order, in the journal''s order. Partitioned by time; the projector makes partitions ahead';
COMMENT ON COLUMN halcyon.order_events.id IS
  'UUIDv5 in the journal''s namespace of ''order_event/<sequence>/<ordinal>''';
COMMENT ON COLUMN halcyon.order_events.time IS
  'Engine time of the frame; cut to microseconds, journal_sequence and ordinal keep the order';
COMMENT ON COLUMN halcyon.order_events.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.order_events.journal_sequence IS
  'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.order_events.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.order_events.order_id IS 'orders.id';
COMMENT ON COLUMN halcyon.order_events.event IS
  'opened: the order exists; changed: its state; request: the state of one request about it';
COMMENT ON COLUMN halcyon.order_events.state IS 'Of the order after the event; null for a request';
COMMENT ON COLUMN halcyon.order_events.request_id IS
  'Of a request; the request that places an order has the order''s id';
COMMENT ON COLUMN halcyon.order_events.request_kind IS 'What was asked of the venue';
COMMENT ON COLUMN halcyon.order_events.request_state IS
  'The request after the event; unknown: no answer, which is no answer';
COMMENT ON COLUMN halcyon.order_events.valid_until IS
  'The request is not sent later than this; null: no end';
COMMENT ON COLUMN halcyon.order_events.reason IS 'Why';
COMMENT ON COLUMN halcyon.order_events.venue_code IS 'The venue''s error number';
COMMENT ON COLUMN halcyon.order_events.text IS 'The venue''s words';
COMMENT ON COLUMN halcyon.order_events.venue_order_id IS 'The venue''s id: a number, or a UUID';
COMMENT ON COLUMN halcyon.order_events.filled_quantity IS 'Sum of the booked fills after the event';
COMMENT ON COLUMN halcyon.order_events.filled_quote IS 'Likewise, in quote currency';
COMMENT ON COLUMN halcyon.order_events.reported_quantity IS
  'The greatest cumulative quantity that the venue has named';
COMMENT ON COLUMN halcyon.order_events.source IS 'What the event rests on';
COMMENT ON COLUMN halcyon.order_events.venue_time IS 'The venue''s clock; null: it gave none';
COMMENT ON COLUMN halcyon.order_events.venue_sequence IS
  'The venue''s sequence; null: it gave none';

CREATE TABLE halcyon.order_denials (
  id uuid PRIMARY KEY,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  account_id uuid,
  strategy_id uuid,
  instrument_id uuid,
  environment text CHECK (environment IN ('production', 'testnet', 'venue_paper', 'simulator')),
  mode text CHECK (mode IN ('live', 'paper')),
  side text NOT NULL CHECK (side IN ('buy', 'sell')),
  type text NOT NULL CHECK (type IN (
      'market', 'limit', 'stop', 'stop_limit', 'take_profit', 'take_profit_limit',
      'trailing_stop')),
  time_in_force text NOT NULL CHECK (time_in_force IN ('gtc', 'ioc', 'fok', 'day', 'gtd')),
  origin text NOT NULL CHECK (origin IN ('strategy', 'user', 'protection', 'external')),
  quantity numeric(38,9) NOT NULL,
  limit_price numeric(38,9),
  stop_price numeric(38,9),
  reason text NOT NULL CHECK (reason ~ '^[a-z][a-z0-9_]*$'),
  limit_value numeric(38,9) NOT NULL,
  actual_value numeric(38,9) NOT NULL,
  text text
);
CREATE INDEX order_denials_time ON halcyon.order_denials (time);
COMMENT ON TABLE halcyon.order_denials IS
  'Orders that the risk gate refused: nothing was sent, and no order exists. One row a refusal, with both numbers';
COMMENT ON COLUMN halcyon.order_denials.id IS
  'UUIDv5 in the journal''s namespace of ''order_denial/<sequence>/<ordinal>''';
COMMENT ON COLUMN halcyon.order_denials.time IS
  'Engine time of the frame; cut to microseconds, journal_sequence and ordinal keep the order';
COMMENT ON COLUMN halcyon.order_denials.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.order_denials.journal_sequence IS
  'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.order_denials.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.order_denials.account_id IS 'accounts.id; null: no account in particular';
COMMENT ON COLUMN halcyon.order_denials.strategy_id IS
  'strategies.id; null: an operator''s or an external order';
COMMENT ON COLUMN halcyon.order_denials.instrument_id IS
  'instruments.id; null: no instrument in particular';
COMMENT ON COLUMN halcyon.order_denials.environment IS
  'The venue''s environment; null: the configuration no longer named the account when the row was written';
COMMENT ON COLUMN halcyon.order_denials.mode IS
  'live: orders go to the venue; paper: matched in the daemon; null as in environment';
COMMENT ON COLUMN halcyon.order_denials.side IS 'Direction';
COMMENT ON COLUMN halcyon.order_denials.type IS 'Kind of order';
COMMENT ON COLUMN halcyon.order_denials.time_in_force IS 'How long it would have worked';
COMMENT ON COLUMN halcyon.order_denials.origin IS 'Who asked for it';
COMMENT ON COLUMN halcyon.order_denials.quantity IS 'Base units asked for';
COMMENT ON COLUMN halcyon.order_denials.limit_price IS 'Null where the type has none';
COMMENT ON COLUMN halcyon.order_denials.stop_price IS 'Null where the type has none';
COMMENT ON COLUMN halcyon.order_denials.reason IS 'The check that failed';
COMMENT ON COLUMN halcyon.order_denials.limit_value IS 'The limit, in whatever the reason counts';
COMMENT ON COLUMN halcyon.order_denials.actual_value IS 'What was asked, in the same';
COMMENT ON COLUMN halcyon.order_denials.text IS 'In words, where there are any';

CREATE TABLE halcyon.fills (
  id uuid PRIMARY KEY,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  number bigint NOT NULL,
  order_id uuid,
  venue_order_id text,
  venue_trade_id text,
  account_id uuid NOT NULL,
  strategy_id uuid,
  instrument_id uuid NOT NULL,
  side text NOT NULL CHECK (side IN ('buy', 'sell')),
  liquidity text NOT NULL CHECK (liquidity IN ('unknown', 'maker', 'taker')),
  source text NOT NULL CHECK (source IN (
      'inference', 'list_query', 'single_query', 'private_stream', 'trade_record',
      'operator_command')),
  is_late boolean NOT NULL,
  price numeric(38,9) NOT NULL,
  quantity numeric(38,9) NOT NULL,
  quote_amount numeric(38,9) NOT NULL,
  fee numeric(38,9) NOT NULL,
  fee_asset text,
  venue_time timestamptz
);
CREATE INDEX fills_order ON halcyon.fills (order_id);
CREATE INDEX fills_time ON halcyon.fills (time);
CREATE INDEX fills_trade ON halcyon.fills (account_id, instrument_id, venue_trade_id);
COMMENT ON TABLE halcyon.fills IS
  'One execution of an order, booked once';
COMMENT ON COLUMN halcyon.fills.id IS 'UUIDv5 in the journal''s namespace of ''fill/<number>''';
COMMENT ON COLUMN halcyon.fills.time IS
  'Engine time of the frame; cut to microseconds, journal_sequence and ordinal keep the order';
COMMENT ON COLUMN halcyon.fills.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.fills.journal_sequence IS 'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.fills.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.fills.number IS 'Counts the fills of the journal from 1';
COMMENT ON COLUMN halcyon.fills.order_id IS
  'orders.id; null: an execution whose order we do not know';
COMMENT ON COLUMN halcyon.fills.venue_order_id IS 'The venue''s id of the order';
COMMENT ON COLUMN halcyon.fills.venue_trade_id IS
  'The venue''s id of the execution; null: the venue gave none';
COMMENT ON COLUMN halcyon.fills.account_id IS 'accounts.id';
COMMENT ON COLUMN halcyon.fills.strategy_id IS
  'strategies.id; null: an operator''s or an external order';
COMMENT ON COLUMN halcyon.fills.instrument_id IS 'instruments.id';
COMMENT ON COLUMN halcyon.fills.side IS 'Direction';
COMMENT ON COLUMN halcyon.fills.liquidity IS 'maker: the order was waiting in the book';
COMMENT ON COLUMN halcyon.fills.source IS 'What the booking rests on';
COMMENT ON COLUMN halcyon.fills.is_late IS 'The order had already ended, or was not ours any more';
COMMENT ON COLUMN halcyon.fills.price IS 'Quote currency per base unit';
COMMENT ON COLUMN halcyon.fills.quantity IS 'Base units';
COMMENT ON COLUMN halcyon.fills.quote_amount IS 'As the venue named it, else price times quantity';
COMMENT ON COLUMN halcyon.fills.fee IS 'Positive: paid; negative: a rebate; in fee_asset';
COMMENT ON COLUMN halcyon.fills.fee_asset IS 'Null: no fee';
COMMENT ON COLUMN halcyon.fills.venue_time IS 'The venue''s clock; null: it gave none';

CREATE TABLE halcyon.positions (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  account_id uuid NOT NULL,
  strategy_id uuid,
  instrument_id uuid NOT NULL,
  quantity numeric(38,9) NOT NULL,
  average_price numeric(38,9) NOT NULL,
  cost numeric(38,9) NOT NULL,
  realized_pnl numeric(38,9) NOT NULL,
  fees numeric(38,9) NOT NULL,
  fill_count bigint NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  updated_at timestamptz NOT NULL
);
CREATE INDEX positions_account ON halcyon.positions (account_id);
COMMENT ON TABLE halcyon.positions IS
  'Net holding per account, strategy and instrument, after the last fill or adjustment';
COMMENT ON COLUMN halcyon.positions.id IS
  'UUIDv5 in the journal''s namespace of ''position/<account>/<strategy>/<instrument>''';
COMMENT ON COLUMN halcyon.positions.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.positions.account_id IS 'accounts.id';
COMMENT ON COLUMN halcyon.positions.strategy_id IS 'strategies.id; null: external';
COMMENT ON COLUMN halcyon.positions.instrument_id IS 'instruments.id';
COMMENT ON COLUMN halcyon.positions.quantity IS
  'Signed; fees taken in the base asset are already off';
COMMENT ON COLUMN halcyon.positions.average_price IS 'Of what is held; 0 when flat';
COMMENT ON COLUMN halcyon.positions.cost IS
  'What is held has cost, in quote currency, signed like quantity';
COMMENT ON COLUMN halcyon.positions.realized_pnl IS
  'Profit of what was closed, in quote currency, before fees';
COMMENT ON COLUMN halcyon.positions.fees IS
  'All fees paid, valued in quote currency when they were paid';
COMMENT ON COLUMN halcyon.positions.fill_count IS 'Fills in this position';
COMMENT ON COLUMN halcyon.positions.journal_sequence IS
  'The journal frame that last changed the row';
COMMENT ON COLUMN halcyon.positions.updated_at IS 'Engine time of the last change';

CREATE TABLE halcyon.balances (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  account_id uuid NOT NULL,
  asset text NOT NULL,
  free numeric(38,9) NOT NULL,
  locked numeric(38,9) NOT NULL,
  total numeric(38,9) GENERATED ALWAYS AS (free + locked) STORED,
  venue_time timestamptz,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  updated_at timestamptz NOT NULL
);
CREATE INDEX balances_account ON halcyon.balances (account_id);
COMMENT ON TABLE halcyon.balances IS
  'The venue''s last word about one asset of an account';
COMMENT ON COLUMN halcyon.balances.id IS
  'UUIDv5 in the journal''s namespace of ''balance/<account>/<asset>''';
COMMENT ON COLUMN halcyon.balances.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.balances.account_id IS 'accounts.id';
COMMENT ON COLUMN halcyon.balances.asset IS 'The asset';
COMMENT ON COLUMN halcyon.balances.free IS 'Available for orders';
COMMENT ON COLUMN halcyon.balances.locked IS 'Reserved by working orders';
COMMENT ON COLUMN halcyon.balances.total IS 'free + locked';
COMMENT ON COLUMN halcyon.balances.venue_time IS 'The venue''s clock; null: it gave none';
COMMENT ON COLUMN halcyon.balances.journal_sequence IS
  'The journal frame that last changed the row';
COMMENT ON COLUMN halcyon.balances.updated_at IS 'Engine time of the last change';

CREATE TABLE halcyon.equity_history (
  id uuid NOT NULL,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  account_id uuid NOT NULL,
  strategy_id uuid,
  currency text NOT NULL,
  equity numeric(38,9) NOT NULL,
  cash numeric(38,9) NOT NULL,
  realized_pnl numeric(38,9) NOT NULL,
  unrealized_pnl numeric(38,9) NOT NULL,
  fees numeric(38,9) NOT NULL,
  peak numeric(38,9) NOT NULL,
  drawdown numeric(38,9) NOT NULL,
  PRIMARY KEY (id, time)
) PARTITION BY RANGE (time);
CREATE INDEX equity_history_account ON halcyon.equity_history (account_id, strategy_id, time);
COMMENT ON TABLE halcyon.equity_history IS
  'What an account, or a strategy in it, was worth at a moment. Partitioned by time; the projector makes partitions ahead';
COMMENT ON COLUMN halcyon.equity_history.id IS
  'UUIDv5 in the journal''s namespace of ''equity/<sequence>/<ordinal>''';
COMMENT ON COLUMN halcyon.equity_history.time IS
  'Engine time of the frame; cut to microseconds, journal_sequence and ordinal keep the order';
COMMENT ON COLUMN halcyon.equity_history.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.equity_history.journal_sequence IS
  'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.equity_history.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.equity_history.account_id IS 'accounts.id';
COMMENT ON COLUMN halcyon.equity_history.strategy_id IS
  'strategies.id; null: external, or the whole account';
COMMENT ON COLUMN halcyon.equity_history.currency IS 'The reporting currency of the amounts';
COMMENT ON COLUMN halcyon.equity_history.equity IS 'Cash and holdings';
COMMENT ON COLUMN halcyon.equity_history.cash IS 'Of it in cash';
COMMENT ON COLUMN halcyon.equity_history.realized_pnl IS 'Since the beginning';
COMMENT ON COLUMN halcyon.equity_history.unrealized_pnl IS
  'Of what is held, at the moment''s prices';
COMMENT ON COLUMN halcyon.equity_history.fees IS 'Since the beginning';
COMMENT ON COLUMN halcyon.equity_history.peak IS 'The greatest equity so far';
COMMENT ON COLUMN halcyon.equity_history.drawdown IS 'Peak less equity, never negative';

CREATE TABLE halcyon.trading_states (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  account_id uuid,
  strategy_id uuid,
  state text NOT NULL CHECK (state IN ('active', 'reducing', 'halted')),
  reason text CHECK (reason ~ '^[a-z][a-z0-9_]*$'),
  text text,
  user_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  updated_at timestamptz NOT NULL
);
COMMENT ON TABLE halcyon.trading_states IS
  'Who may trade: the last state that was set for the daemon, an account or a strategy';
COMMENT ON COLUMN halcyon.trading_states.id IS
  'UUIDv5 in the journal''s namespace of ''trading_state/<account>/<strategy>''';
COMMENT ON COLUMN halcyon.trading_states.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.trading_states.account_id IS
  'accounts.id; null: no account in particular';
COMMENT ON COLUMN halcyon.trading_states.strategy_id IS 'strategies.id; null: every strategy';
COMMENT ON COLUMN halcyon.trading_states.state IS
  'reducing: only orders that make a position smaller';
COMMENT ON COLUMN halcyon.trading_states.reason IS 'Why';
COMMENT ON COLUMN halcyon.trading_states.text IS 'In words, where there are any';
COMMENT ON COLUMN halcyon.trading_states.user_id IS 'users.id: who set it';
COMMENT ON COLUMN halcyon.trading_states.journal_sequence IS
  'The journal frame that last changed the row';
COMMENT ON COLUMN halcyon.trading_states.updated_at IS 'Engine time of the last change';

CREATE TABLE halcyon.differences (
  id uuid PRIMARY KEY,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  kind text NOT NULL CHECK (kind IN (
      'missed_fill', 'vanished_order', 'external_order', 'opening_balance', 'balance')),
  account_id uuid,
  instrument_id uuid,
  asset text,
  order_id uuid,
  ours numeric(38,9) NOT NULL,
  theirs numeric(38,9) NOT NULL,
  text text
);
CREATE INDEX differences_time ON halcyon.differences (time);
COMMENT ON TABLE halcyon.differences IS
  'What reconciliation found: where the venue and we did not agree. The venue was right';
COMMENT ON COLUMN halcyon.differences.id IS
  'UUIDv5 in the journal''s namespace of ''difference/<sequence>/<ordinal>''';
COMMENT ON COLUMN halcyon.differences.time IS
  'Engine time of the frame; cut to microseconds, journal_sequence and ordinal keep the order';
COMMENT ON COLUMN halcyon.differences.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.differences.journal_sequence IS
  'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.differences.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.differences.kind IS 'What differed';
COMMENT ON COLUMN halcyon.differences.account_id IS 'accounts.id; null: no account in particular';
COMMENT ON COLUMN halcyon.differences.instrument_id IS
  'instruments.id; null: no instrument in particular';
COMMENT ON COLUMN halcyon.differences.asset IS 'Of a balance';
COMMENT ON COLUMN halcyon.differences.order_id IS 'orders.id, of an order';
COMMENT ON COLUMN halcyon.differences.ours IS 'What we believed';
COMMENT ON COLUMN halcyon.differences.theirs IS 'What the venue says';
COMMENT ON COLUMN halcyon.differences.text IS 'In words';

CREATE TABLE halcyon.strategy_memories (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  strategy_id uuid NOT NULL,
  instrument_id uuid,
  memory bytea NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  updated_at timestamptz NOT NULL
);
COMMENT ON TABLE halcyon.strategy_memories IS
  'What a strategy must remember over a restart, beyond its candles; the strategy alone knows the meaning';
COMMENT ON COLUMN halcyon.strategy_memories.id IS
  'UUIDv5 in the journal''s namespace of ''strategy_memory/<strategy>/<instrument>''';
COMMENT ON COLUMN halcyon.strategy_memories.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.strategy_memories.strategy_id IS 'strategies.id';
COMMENT ON COLUMN halcyon.strategy_memories.instrument_id IS
  'instruments.id; null: no instrument in particular';
COMMENT ON COLUMN halcyon.strategy_memories.memory IS 'The bytes';
COMMENT ON COLUMN halcyon.strategy_memories.journal_sequence IS
  'The journal frame that last changed the row';
COMMENT ON COLUMN halcyon.strategy_memories.updated_at IS 'Engine time of the last change';

CREATE TABLE halcyon.notices (
  id uuid PRIMARY KEY,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  severity text NOT NULL CHECK (severity IN ('info', 'warning', 'alarm')),
  code text NOT NULL CHECK (code ~ '^[a-z][a-z0-9_]*$'),
  account_id uuid,
  instrument_id uuid,
  order_id uuid,
  text text NOT NULL
);
CREATE INDEX notices_time ON halcyon.notices (time);
COMMENT ON TABLE halcyon.notices IS
  'What a person should know';
COMMENT ON COLUMN halcyon.notices.id IS
  'UUIDv5 in the journal''s namespace of ''notice/<sequence>/<ordinal>''';
COMMENT ON COLUMN halcyon.notices.time IS
  'Engine time of the frame; cut to microseconds, journal_sequence and ordinal keep the order';
COMMENT ON COLUMN halcyon.notices.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.notices.journal_sequence IS 'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.notices.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.notices.severity IS 'alarm: somebody must look now';
COMMENT ON COLUMN halcyon.notices.code IS 'The kind of notice, a word for machines';
COMMENT ON COLUMN halcyon.notices.account_id IS 'accounts.id; null: no account in particular';
COMMENT ON COLUMN halcyon.notices.instrument_id IS
  'instruments.id; null: no instrument in particular';
COMMENT ON COLUMN halcyon.notices.order_id IS 'orders.id, of an order';
COMMENT ON COLUMN halcyon.notices.text IS 'In words';

CREATE TABLE halcyon.audit_log (
  id uuid PRIMARY KEY,
  time timestamptz NOT NULL,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  token numeric(20,0) NOT NULL,
  user_id uuid NOT NULL,
  action text NOT NULL CHECK (action ~ '^[a-z][a-z0-9_]*$'),
  account_id uuid,
  strategy_id uuid,
  instrument_id uuid,
  order_id uuid,
  arguments jsonb NOT NULL,
  text text,
  is_accepted boolean,
  reason text CHECK (reason ~ '^[a-z][a-z0-9_]*$'),
  affected_orders bigint,
  answer text
);
CREATE INDEX audit_log_time ON halcyon.audit_log (time);
COMMENT ON TABLE halcyon.audit_log IS
  'Every command given to the daemon, by whom, and its answer';
COMMENT ON COLUMN halcyon.audit_log.id IS
  'UUIDv5 in the journal''s namespace of ''audit/<sequence>/<ordinal>''';
COMMENT ON COLUMN halcyon.audit_log.time IS
  'Engine time of the frame; cut to microseconds, journal_sequence and ordinal keep the order';
COMMENT ON COLUMN halcyon.audit_log.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.audit_log.journal_sequence IS 'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.audit_log.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.audit_log.token IS
  'Given by who asked; joins a command with an answer that came later';
COMMENT ON COLUMN halcyon.audit_log.user_id IS 'users.id: who asked';
COMMENT ON COLUMN halcyon.audit_log.action IS
  'The command; answer: an answer that did not come in its command''s own frame';
COMMENT ON COLUMN halcyon.audit_log.account_id IS 'accounts.id, where the command is about one';
COMMENT ON COLUMN halcyon.audit_log.strategy_id IS 'strategies.id, where the command is about one';
COMMENT ON COLUMN halcyon.audit_log.instrument_id IS
  'instruments.id, where the command is about one';
COMMENT ON COLUMN halcyon.audit_log.order_id IS 'orders.id, where the command is about one';
COMMENT ON COLUMN halcyon.audit_log.arguments IS 'What else the command said';
COMMENT ON COLUMN halcyon.audit_log.text IS 'The operator''s reason';
COMMENT ON COLUMN halcyon.audit_log.is_accepted IS 'The answer; null: none yet';
COMMENT ON COLUMN halcyon.audit_log.reason IS 'Why it was refused';
COMMENT ON COLUMN halcyon.audit_log.affected_orders IS 'Orders that a cancel command reached';
COMMENT ON COLUMN halcyon.audit_log.answer IS 'The answer''s words';

CREATE TABLE halcyon.rejected_rows (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  journal_sequence bigint NOT NULL CHECK (journal_sequence >= 0),
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  table_name text NOT NULL,
  action text NOT NULL CHECK (action IN ('insert', 'update')),
  sqlstate text NOT NULL,
  reason text NOT NULL,
  payload jsonb NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX rejected_rows_created ON halcyon.rejected_rows (created_at);
COMMENT ON TABLE halcyon.rejected_rows IS
  'Rows that PostgreSQL refused. Nothing is dropped: the payload is the whole row, for a person to look at';
COMMENT ON COLUMN halcyon.rejected_rows.id IS
  'UUIDv5 in the journal''s namespace of ''rejected/<table>/<sequence>/<ordinal>''';
COMMENT ON COLUMN halcyon.rejected_rows.journal_id IS
  'The journal that the row comes from (projections.id)';
COMMENT ON COLUMN halcyon.rejected_rows.journal_sequence IS
  'The journal frame that the row comes from';
COMMENT ON COLUMN halcyon.rejected_rows.ordinal IS 'The record''s place in its frame, from 0';
COMMENT ON COLUMN halcyon.rejected_rows.table_name IS 'Where the row should have gone';
COMMENT ON COLUMN halcyon.rejected_rows.action IS 'insert, or update of a row that should exist';
COMMENT ON COLUMN halcyon.rejected_rows.sqlstate IS 'PostgreSQL''s code of the refusal';
COMMENT ON COLUMN halcyon.rejected_rows.reason IS 'PostgreSQL''s words';
COMMENT ON COLUMN halcyon.rejected_rows.payload IS 'Column by column, values as text';
COMMENT ON COLUMN halcyon.rejected_rows.created_at IS
  'When it was set aside, by the server''s clock';

-- Monthly partitions, and one that takes what no month covers (a clock far off), so that such a row
-- is never refused. Attached, not created in place: an attached table locks out no reader.
CREATE FUNCTION halcyon.ensure_partition(parent text, first_day date) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  partition text := parent || '_' || coalesce(to_char(first_day, 'YYYYMM'), 'default');
  period text := CASE
      WHEN first_day IS NULL THEN 'DEFAULT'
      ELSE format('FOR VALUES FROM (%L) TO (%L)', first_day::timestamp AT TIME ZONE 'UTC',
                  (first_day + interval '1 month')::timestamp AT TIME ZONE 'UTC')
    END;
BEGIN
  IF to_regclass('halcyon.' || quote_ident(partition)) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE halcyon.%I (LIKE halcyon.%I INCLUDING ALL)', partition, parent);
  EXECUTE format('COMMENT ON TABLE halcyon.%I IS %L', partition, 'A part of halcyon.' || parent);
  EXECUTE format('ALTER TABLE halcyon.%I ATTACH PARTITION halcyon.%I %s', parent, partition, period);
  RETURN true;
END
$$;
COMMENT ON FUNCTION halcyon.ensure_partition(text, date) IS
  'Makes the partition of a month of order_events or equity_history, or the default one (null); false when it is there';
SELECT halcyon.ensure_partition('order_events', NULL);
SELECT halcyon.ensure_partition('equity_history', NULL);
