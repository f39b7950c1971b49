// Polymarket's own TypeScript client: every public read, orders of each wallet type, both channels.
// Reads the world's facts from standard input, writes its calls as one line of JSON.
import {readFileSync} from 'node:fs';
import * as sdk from '@polymarket/client';
import {signerFrom} from '@polymarket/client/viem';
import {createWalletClient, getAddress, http} from 'viem';
import {privateKeyToAccount} from 'viem/accounts';
import {polygon} from 'viem/chains';

const PATIENCE_MS = 20000;
const world = JSON.parse(readFileSync(0, 'utf8'));
const {urls, leader, market, ordered, ended} = world;
const rows = [];
const nowhere = {rest: `${urls.base}/elsewhere`, ws: `${urls.clob_ws_url}/elsewhere`};
const environment = {
  ...sdk.production,
  rpc: urls.rpc_url,
  clob: {...sdk.production.clob, rest: urls.clob_url, market: {ws: urls.clob_ws_url}, user: {ws: urls.clob_user_ws_url}},
  gamma: {rest: urls.gamma_url},
  data: {rest: urls.data_api_url},
  relayer: {rest: urls.relayer_url},
  combos: {...nowhere, collateralReturn: nowhere},
  perps: nowhere,
  rtds: nowhere,
  sports: nowhere,
};

const READS = {
  estimateMarketPrice: (c) => c.estimateMarketPrice({tokenId: ordered.tokens[0], side: 'BUY', amount: 10}),
  fetchEvent: (c) => c.fetchEvent({slug: market.event.slug}),
  fetchEventLiveVolume: (c) => c.fetchEventLiveVolume({id: String(market.event.id)}),
  fetchEventTags: (c) => c.fetchEventTags({id: String(market.event.id)}),
  fetchLastTradePrice: (c) => c.fetchLastTradePrice({tokenId: market.tokens[0]}),
  fetchLastTradePrices: (c) => c.fetchLastTradePrices(market.tokens.map((tokenId) => ({tokenId}))),
  fetchMarket: (c) => c.fetchMarket({slug: ended.slug}),
  fetchMarketTags: (c) => c.fetchMarketTags({id: market.id}),
  fetchMidpoint: (c) => c.fetchMidpoint({tokenId: ordered.tokens[0]}),
  fetchMidpoints: (c) => c.fetchMidpoints(ordered.tokens.map((tokenId) => ({tokenId}))),
  fetchOrderBook: (c) => c.fetchOrderBook({tokenId: ordered.tokens[0]}),
  fetchOrderBooks: (c) => c.fetchOrderBooks(ordered.tokens.map((tokenId) => ({tokenId}))),
  fetchPortfolioValue: (c) => c.fetchPortfolioValue({user: leader}),
  fetchPrice: (c) => c.fetchPrice({tokenId: ordered.tokens[0], side: 'BUY'}),
  fetchPriceHistory: (c) => c.fetchPriceHistory({tokenId: market.tokens[0], interval: '1d'}),
  fetchPrices: (c) => c.fetchPrices(ordered.tokens.map((tokenId) => ({tokenId, side: 'BUY'}))),
  fetchPublicProfile: (c) => c.fetchPublicProfile({address: leader}),
  fetchSpread: (c) => c.fetchSpread({tokenId: ordered.tokens[0]}),
  fetchSpreads: (c) => c.fetchSpreads(ordered.tokens.map((tokenId) => ({tokenId}))),
  fetchTradedMarketCount: (c) => c.fetchTradedMarketCount({user: leader}),
  listActivity: (c) => c.listActivity({user: leader, pageSize: 3}),
  listClosedPositions: (c) => c.listClosedPositions({user: leader}),
  listEvents: (c) => c.listEvents({pageSize: 2}),
  listMarketHolders: (c) => c.listMarketHolders({market: [market.condition]}),
  listMarketPositions: (c) => c.listMarketPositions({market: market.condition}),
  listMarkets: (c) => c.listMarkets({pageSize: 2}),
  listOpenInterest: (c) => c.listOpenInterest({market: [market.condition]}),
  listPositions: (c) => c.listPositions({user: leader, pageSize: 2}),
  listTraderLeaderboard: (c) => c.listTraderLeaderboard({pageSize: 2}),
  listTrades: (c) => c.listTrades({user: leader, takerOnly: false, pageSize: 3}),
  search: (c) => c.search({q: market.slug}),
};
const MORE = {
  'fetchMarket of one number': (c) => c.fetchMarket({id: market.id}),
  'fetchEvent of one number': (c) => c.fetchEvent({id: String(market.event.id)}),
  'listMarkets, closed': (c) => c.listMarkets({closed: true}),
};
const NOT_CALLS = new Set(
  ('constructor isSecureClient isPublicClient closeSubscriptions extend beginAuthentication context decorators environment clob ' +
    'relayer rpc gamma data rfq perps webSockets supportsGasless resolveClobHeaders resolveRelayerHeaders rememberDecorator subscribe').split(' '),
);

function note(call, fault = '') {
  rows.push({call, fault: fault.replace(/\s+/g, ' ').slice(0, 300)});
}

async function settled(value) {
  const given = await value;
  if (!given || typeof given[Symbol.asyncIterator] !== 'function') return given;
  const items = [];
  for await (const page of given) items.push(...(page.items ?? [page]));
  return items;
}

async function ask(name, call, good = (value) => value !== null && value !== undefined && value.length !== 0) {
  try {
    const value = await settled(call());
    note(name, good(value) ? '' : `answered ${JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each))}`);
    return value;
  } catch (error) {
    note(name, `${error.name}: ${error.message} ${error.cause?.message ?? ''}`);
    return null;
  }
}

function namesOf(client) {
  const names = new Set();
  for (let each = client; each && each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    Object.getOwnPropertyNames(each).forEach((name) => names.add(name));
  }
  return [...names].filter((name) => !NOT_CALLS.has(name) && !name.startsWith('_')).sort();
}

async function lever(name, body) {
  const answer = await fetch(`${urls.control_url}/${name}`, {method: 'POST', body: JSON.stringify(body)});
  if (!answer.ok) throw new Error(`${name}: ${await answer.text()}`);
}

async function look() {
  const client = sdk.createPublicClient({environment});
  for (const name of namesOf(client)) {
    if (READS[name]) await ask(name, () => READS[name](client));
    else note(name, 'not asked');
  }
  for (const [name, call] of Object.entries(MORE)) await ask(name, () => call(client));
  return client;
}

const accepted = (order) => Boolean(order?.ok ?? order?.orderId) && Boolean(order.orderId);

async function trade(kind) {
  await lever('book', {token: ordered.tokens[0], ...world.book});
  const account = privateKeyToAccount(world.keys[kind]);
  const signer = signerFrom(createWalletClient({account, chain: polygon, transport: http(urls.rpc_url)}));
  const wallet = getAddress(world.wallets[kind]);
  const client = await ask(`${kind}: createSecureClient`, () => sdk.createSecureClient({environment, signer, wallet}));
  if (!client) return null;
  const [tokenId] = ordered.tokens;
  await ask(`${kind}: placeMarketOrder, BUY FAK`, () => client.placeMarketOrder({tokenId, side: 'BUY', amount: 10, maxPrice: 0.51}), accepted);
  const rest = await ask(
    `${kind}: placeLimitOrder, resting`,
    () => client.placeLimitOrder({tokenId, side: 'BUY', price: 0.1, size: 10, postOnly: true}),
    accepted,
  );
  await ask(`${kind}: fetchOrder`, () => client.fetchOrder({orderId: rest.orderId}));
  await ask(`${kind}: listOpenOrders`, () => client.listOpenOrders({market: ordered.condition}), (all) => all.length === 1);
  await ask(`${kind}: cancelOrder`, () => client.cancelOrder({orderId: rest.orderId}), (told) => told.canceled.length === 1);
  await ask(`${kind}: placeLimitOrder, improved GTC`, () => client.placeLimitOrder({tokenId, side: 'BUY', price: 0.55, size: 10}), accepted);
  await ask(`${kind}: listAccountTrades`, () => client.listAccountTrades({market: ordered.condition}), (all) => all.length >= 2);
  const signed = await ask(`${kind}: createLimitOrder`, () => client.createLimitOrder({tokenId, side: 'BUY', price: 0.11, size: 10}));
  await ask(`${kind}: postOrder`, () => client.postOrder(signed), accepted);
  await ask(`${kind}: cancelMarketOrders`, () => client.cancelMarketOrders({market: ordered.condition}), (told) => told.canceled.length === 1);
  await ask(`${kind}: cancelAll`, () => client.cancelAll());
  await ask(`${kind}: fetchClosedOnlyMode`, () => client.fetchClosedOnlyMode());
  return client;
}

async function hear(client, topics, kinds, happen) {
  const heard = new Set();
  const handle = await client.subscribe(topics);
  const end = setTimeout(() => client.closeSubscriptions(), PATIENCE_MS);
  setTimeout(() => happen().catch((error) => heard.add(error.message)), 500);
  for await (const event of handle) {
    heard.add(event.type ?? event.eventType ?? event.topic);
    if (kinds.every((kind) => heard.has(kind))) break;
  }
  clearTimeout(end);
  for (const kind of kinds) note(`${topics[0].topic} channel: ${kind}`, heard.has(kind) ? '' : `not heard; heard ${[...heard]}`);
}

async function heard(channel, listen) {
  try {
    await listen();
  } catch (error) {
    note(`${channel} channel`, `${error.name}: ${error.message}`);
  }
}

async function buyFinely(client) {
  const [tokenId] = world.fine.tokens;
  await lever('book', {token: tokenId, bids: [['0.480', '400']], asks: [['0.483', '400']]});
  const call = () => client.placeMarketOrder({tokenId, side: 'BUY', amount: 10, maxPrice: 0.483});
  await ask('a market buy on a tick of 0.001', call, accepted);
}

const open = await look();
let client = null;
for (const kind of Object.keys(world.keys)) client = (await trade(kind)) ?? client;
await heard('market', () => hear(open, [{topic: 'market', tokenIds: market.tokens}], ['book', 'price_change', 'last_trade_price', 'tick_size_change'], async () => {
  await lever('fill', {leader, token: market.tokens[0], side: 'BUY', shares: '10', price: '0.5'});
  await lever('tick', {condition_id: market.condition, tick: '0.001'});
}));
if (client) {
  await buyFinely(client);
  await heard('user', () => hear(client, [{topic: 'user'}], ['order', 'trade'], () =>
    client.placeMarketOrder({tokenId: ordered.tokens[0], side: 'BUY', amount: 5, maxPrice: 0.55}),
  ));
}
process.stdout.write(`${JSON.stringify(rows)}\n`);
process.exit(0);
