// Trades against a Binance venue with ccxt, and prints what it believes has happened as one JSON
// line. Arguments: the folder that holds node_modules, the venue's address, an API key, its secret.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const [modules, address, apiKey, secret] = process.argv.slice(2);
const ccxt = createRequire(`${modules}/package.json`)('ccxt');

const exchange = new ccxt.binance({
  apiKey,
  secret,
  enableRateLimit: false,
  options: {
    defaultType: 'spot',
    fetchMarkets: { types: ['spot'] },
    fetchCurrencies: false,
    fetchMargins: false,
  },
});
exchange.has.fetchCurrencies = false;
// Every address is the simulator's, so that nothing can reach the real venue.
for (const [name, url] of Object.entries(exchange.urls.api)) {
  if (typeof url === 'string') exchange.urls.api[name] = address + new URL(url).pathname;
}

const symbol = 'BTC/USDT';
const markets = await exchange.loadMarkets();
assert.equal(markets[symbol].precision.price, 0.01);
assert.equal(markets[symbol].limits.amount.min, 0.00001);

const before = await exchange.fetchBalance();
assert.equal(before.USDT.total, 10000);

const book = await exchange.fetchOrderBook(symbol, 5);
assert.equal(book.bids.length, 5);
const [best] = book.asks[0];

// An order that rests is found, and canceled
const far = Math.floor(best * 0.8);
const below = Math.floor(best * 0.95);
const resting = await exchange.createOrder(symbol, 'limit', 'buy', 0.01, far);
assert.equal(resting.status, 'open');
assert.equal((await exchange.fetchOpenOrders(symbol)).length, 1);
const locked = await exchange.fetchBalance();
assert.ok(Math.abs(locked.USDT.used - 0.01 * far) < 1e-6);
const edited = await exchange.editOrder(resting.id, symbol, 'limit', 'buy', 0.02, far - 1);
assert.notEqual(edited.id, resting.id);
await exchange.cancelOrder(edited.id, symbol);
assert.equal((await exchange.fetchOrder(edited.id, symbol)).status, 'canceled');
await assert.rejects(exchange.cancelOrder(edited.id, symbol), ccxt.OrderNotFound);

// One that takes is filled
const taken = await exchange.createOrder(symbol, 'market', 'buy', 0.02);
assert.equal(taken.status, 'closed');
assert.equal(taken.filled, 0.02);

// One that waits for a price, one that only makes, and one that is too large
const stop = await exchange.createOrder(symbol, 'limit', 'sell', 0.01, below, { stopPrice: below + 1 });
assert.equal((await exchange.fetchOrder(stop.id, symbol)).stopPrice, below + 1);
await assert.rejects(
  exchange.createOrder(symbol, 'limit', 'buy', 0.01, Math.ceil(best * 1.1), { postOnly: true }),
  ccxt.OrderImmediatelyFillable);
await assert.rejects(exchange.createOrder(symbol, 'market', 'buy', 100), ccxt.InsufficientFunds);
await exchange.cancelAllOrders(symbol);

const orders = await exchange.fetchOrders(symbol);
const trades = await exchange.fetchMyTrades(symbol);
assert.ok((await exchange.fetchTrades(symbol)).length >= 0);
assert.equal((await exchange.fetchOpenOrders(symbol)).length, 0);
const sold = trades.reduce((sum, trade) => sum + trade.amount, 0);
assert.ok(Math.abs(sold - 0.02) < 1e-9);
const after = await exchange.fetchBalance();

console.log(JSON.stringify({
  orders: orders.map((order) => [order.id, order.status, String(order.filled)]),
  trades: trades.map((trade) => [trade.id, trade.order, String(trade.amount), String(trade.price)]),
  btc: String(after.BTC.total),
}));
