-- Words that orders learned: held (a child that waits for its parent), agent (who asked).
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
