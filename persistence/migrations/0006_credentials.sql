-- Secrets as the journal holds them: sealed with AES-256-GCM before they were written anywhere. The
-- master keys stand neither in the journal nor here.

CREATE TABLE halcyon.credentials (
  id uuid PRIMARY KEY,
  journal_id uuid NOT NULL,
  daemon text NOT NULL,
  name text NOT NULL,
  part text NOT NULL CHECK (part IN ('api_key', 'private_key', 'api_secret')),
  key_version bigint NOT NULL,
  key_prefix text,
  sealed text NOT NULL,
  user_id uuid NOT NULL,
  journal_sequence bigint NOT NULL,
  updated_at timestamptz NOT NULL
);
COMMENT ON TABLE halcyon.credentials IS
  'Keys of venues, sealed; the newest of each name and part. What the daemon uses is in its journal: this shows the same';
COMMENT ON COLUMN halcyon.credentials.id IS 'UUIDv5 of credential/<name>/<part>';
COMMENT ON COLUMN halcyon.credentials.journal_id IS 'projections.id; bound to what is sealed';
COMMENT ON COLUMN halcyon.credentials.daemon IS 'The daemon''s name';
COMMENT ON COLUMN halcyon.credentials.name IS 'What accounts.<name>.credential of the configuration asks for';
COMMENT ON COLUMN halcyon.credentials.part IS 'Which secret of it';
COMMENT ON COLUMN halcyon.credentials.key_version IS 'Of the master key that it is sealed with';
COMMENT ON COLUMN halcyon.credentials.key_prefix IS 'The first characters of the secret, to tell it from others; null: not shown';
COMMENT ON COLUMN halcyon.credentials.sealed IS 'Nonce, ciphertext and tag of AES-256-GCM, in base64; bound to journal, name, part, key version and prefix';
COMMENT ON COLUMN halcyon.credentials.user_id IS 'users.id: who put it';
COMMENT ON COLUMN halcyon.credentials.journal_sequence IS 'The frame of its last change';
COMMENT ON COLUMN halcyon.credentials.updated_at IS 'When it was put or sealed anew';

SELECT halcyon.guard('credentials', 'user_id = (SELECT halcyon.current_owner())');

-- Readers see that there is a secret, and of which version, not what is sealed.
ALTER FUNCTION halcyon.grant_roles() RENAME TO grant_trading_roles;
CREATE FUNCTION halcyon.grant_roles() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  first text := halcyon.grant_trading_roles();
BEGIN
  IF first LIKE '%have their rights' THEN
    GRANT SELECT (id, journal_id, daemon, name, part, key_version, key_prefix, user_id,
                  journal_sequence, updated_at)
      ON halcyon.credentials TO halcyon_reader, halcyon_web;
  END IF;
  RETURN first;
END
$$;
COMMENT ON FUNCTION halcyon.grant_trading_roles() IS
  'The part of grant_roles() about everything but credentials';
COMMENT ON FUNCTION halcyon.grant_roles() IS
  'Makes halcyon_writer, halcyon_reader and halcyon_web where possible and grants them their rights; says how it went';
REVOKE ALL ON FUNCTION halcyon.grant_roles() FROM PUBLIC;
SELECT halcyon.grant_roles();
