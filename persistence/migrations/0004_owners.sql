-- Who may see and do what. Everything has an owner; a web tier says for whom it asks with
-- SET app.current_user_id = '<users.id>', and sees that user's rows alone.
--
--   halcyon_writer  what a daemon needs that does not own the schema: it writes rows, makes partitions
--                   through functions, and cannot change a table
--   halcyon_reader  what a web tier needs: SELECT, own rows only, no ciphertext, no log
--
-- Nothing for PUBLIC. Roles belong to the whole cluster, and making one needs CREATEROLE: where the
-- schema's owner lacks that, an administrator makes the two (NOLOGIN) and `halcyonctl db migrate`
-- grants them their rights.

REVOKE ALL ON SCHEMA halcyon FROM PUBLIC;

CREATE FUNCTION halcyon.current_owner() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS
$$ SELECT nullif(current_setting('app.current_user_id', true), '')::uuid $$;
COMMENT ON FUNCTION halcyon.current_owner() IS
  'The user for whom the session asks, from app.current_user_id; null: nobody';

CREATE FUNCTION halcyon.is_writer() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS
$$ SELECT EXISTS (SELECT FROM pg_roles
                  WHERE rolname = 'halcyon_writer' AND pg_has_role(current_user, oid, 'MEMBER')) $$;
COMMENT ON FUNCTION halcyon.is_writer() IS 'Whether the session has the rights of halcyon_writer';

-- A row is seen by its owner, and by the writer. The owner of the schema is not bound.
CREATE FUNCTION halcyon.guard(table_name text, owned_when text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER TABLE halcyon.%I ENABLE ROW LEVEL SECURITY', table_name);
  EXECUTE format('CREATE POLICY of_owner ON halcyon.%I FOR SELECT USING (%s)', table_name, owned_when);
  EXECUTE format('CREATE POLICY of_writer ON halcyon.%I USING ((SELECT halcyon.is_writer())) '
                 'WITH CHECK ((SELECT halcyon.is_writer()))', table_name);
END
$$;
COMMENT ON FUNCTION halcyon.guard(text, text) IS
  'Row-level security for a table: who owns a row by the condition sees it, the writer all of them';
REVOKE ALL ON FUNCTION halcyon.guard(text, text) FROM PUBLIC;

SELECT halcyon.guard('users', 'id = (SELECT halcyon.current_owner())');
SELECT halcyon.guard('accounts', 'owner_id = (SELECT halcyon.current_owner())');
SELECT halcyon.guard('strategies', 'owner_id = (SELECT halcyon.current_owner())');
SELECT halcyon.guard(t, 'account_id IN (SELECT a.id FROM halcyon.accounts a '
                        'WHERE a.owner_id = (SELECT halcyon.current_owner()))')
FROM unnest(ARRAY['orders', 'order_denials', 'fills', 'positions', 'balances', 'equity_history',
                  'equity_daily', 'round_trips', 'trading_states', 'differences', 'notices',
                  'risk_alerts', 'trading_limits', 'lots', 'fill_voids', 'adjustments', 'cash_flows',
                  'limit_overrides']) AS t;
SELECT halcyon.guard(t, CASE t WHEN 'order_triggers' THEN 'id' ELSE 'order_id' END ||
                        ' IN (SELECT o.id FROM halcyon.orders o)')
FROM unnest(ARRAY['order_events', 'order_amends', 'order_triggers']) AS t;
SELECT halcyon.guard('venue_status', 'account_id IS NULL OR account_id IN '
                                     '(SELECT a.id FROM halcyon.accounts a)');
SELECT halcyon.guard('strategy_memories', 'strategy_id IN (SELECT s.id FROM halcyon.strategies s)');
SELECT halcyon.guard('definitions', 'account_id IN (SELECT a.id FROM halcyon.accounts a) '
                                    'OR strategy_id IN (SELECT s.id FROM halcyon.strategies s)');
SELECT halcyon.guard('audit_log', 'user_id = (SELECT halcyon.current_owner()) '
                                  'OR account_id IN (SELECT a.id FROM halcyon.accounts a)');

-- The rights of the two roles; made where they are missing and may be made. Says what it could not do.
CREATE FUNCTION halcyon.grant_roles() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  missing text[] := '{}';
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['halcyon_writer', 'halcyon_reader'] LOOP
    BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role);
      END IF;
    EXCEPTION
      WHEN insufficient_privilege THEN missing := missing || role;
      WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of the cluster, just now
    END;
  END LOOP;
  IF cardinality(missing) = 0 THEN
    GRANT USAGE ON SCHEMA halcyon TO halcyon_writer, halcyon_reader;
    GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA halcyon TO halcyon_writer;
    REVOKE INSERT, UPDATE ON halcyon.schema_migrations FROM halcyon_writer;
    GRANT EXECUTE ON FUNCTION halcyon.ensure_partition(text, date),
      halcyon.apply_retention(timestamptz) TO halcyon_writer;
    GRANT SELECT ON halcyon.users, halcyon.accounts, halcyon.strategies, halcyon.strategy_versions,
      halcyon.definitions, halcyon.orders, halcyon.order_events, halcyon.order_denials, halcyon.fills,
      halcyon.positions, halcyon.balances, halcyon.equity_history, halcyon.equity_daily,
      halcyon.round_trips, halcyon.trading_states, halcyon.differences, halcyon.notices,
      halcyon.risk_alerts, halcyon.trading_limits, halcyon.venue_status, halcyon.strategy_memories,
      halcyon.lots, halcyon.fill_voids, halcyon.order_amends,
      halcyon.order_triggers, halcyon.adjustments, halcyon.cash_flows, halcyon.limit_overrides,
      halcyon.audit_log TO halcyon_reader;
    -- Public data has no owner.
    GRANT SELECT ON halcyon.instruments, halcyon.ticks, halcyon.candles, halcyon.candles_1h,
      halcyon.candles_1d, halcyon.tickers, halcyon.book_snapshots TO halcyon_reader;
    RETURN 'halcyon_writer and halcyon_reader have their rights';
  END IF;
  RETURN 'may not make the roles ' || array_to_string(missing, ', ')
    || '; an administrator makes them with CREATE ROLE ... NOLOGIN, then `halcyonctl db migrate`';
END
$$;
COMMENT ON FUNCTION halcyon.grant_roles() IS
  'Makes halcyon_writer and halcyon_reader where possible and grants them their rights; says how it went';
REVOKE ALL ON FUNCTION halcyon.grant_roles() FROM PUBLIC;
SELECT halcyon.grant_roles();
