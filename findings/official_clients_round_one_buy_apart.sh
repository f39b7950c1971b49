#!/usr/bin/env bash
# npm @polymarket/client 0.2.0 and PyPI polymarket-client 0.14.0, both the venue's own: one market buy, two orders.
#
# "Spend 1 pUSD, at most 0.48 a share" (a FAK buy with a protected price) is signed by the TypeScript client for 2.0834
# shares and by the Python client for 2.0833. The venue reads an order's price as what it gives over what it gets: the
# first is 0.479985, below the limit that was asked for, so an ask that rests exactly at 0.48 does not cross it; the
# second is 0.480008. Without a protected price both cut and agree. A port of one client that is tested against
# the other fails on most prices that do not divide the sum, and one written from the TypeScript client cannot buy at
# its own limit. Both also name the worst ask when a FAK estimate asks for more than the book holds, where the
# TypeScript client's documentation promises the best level.
#
# Installs pinned public packages in a temporary folder and asks a server of its own. Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet polymarket-client==0.14.0 2> pip.log || { cat pip.log; exit 1; }
npm install --silent --no-fund --no-audit --prefix . @polymarket/client@0.2.0 viem@2 > npm.log 2>&1 || { cat npm.log; exit 1; }

cat > server.py <<'PY'
import http.server
import json
import os

TOKEN = "52114319501245915516055106046884209969926127482827954674443846427813813222426"
BOOK = {
    "market": "0x" + "5f" * 32, "asset_id": TOKEN, "timestamp": "1796040000000", "hash": "0" * 40,
    "bids": [{"price": "0.40", "size": "50"}],
    "asks": [{"price": "0.99", "size": "900"}, {"price": "0.60", "size": "10"}, {"price": "0.42", "size": "50"}],
    "min_order_size": "5", "tick_size": "0.01", "neg_risk": False, "last_trade_price": "0.41",
}
ANSWERS = {
    "/book": BOOK,
    "/tick-size": {"minimum_tick_size": 0.01},
    "/neg-risk": {"neg_risk": False},
    "/auth/api-keys": {"apiKeys": ["11111111-2222-4333-8444-555555555555"]},
    "/markets-by-token/" + TOKEN: {"condition_id": BOOK["market"], "primary_token_id": TOKEN, "secondary_token_id": "7"},
    "/clob-markets/" + BOOK["market"]: {
        "t": [{"t": TOKEN, "o": "Yes"}, {"t": "7", "o": "No"}], "mos": 5, "mts": 0.01, "nr": False,
        "fd": {"r": 0, "e": 1, "to": True},
    },
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        route = self.path.partition("?")[0]
        answer = json.dumps(ANSWERS.get(route, {"error": route})).encode()
        self.send_response(200 if route in ANSWERS else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, form, *args):
        with open("asked.log", "a") as log:
            log.write(form % args + "\n")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open("port.new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename("port.new", "port")
server.serve_forever()
PY
python3 server.py &
server=$!
for _ in $(seq 100); do [ -f port ] && break; sleep 0.1; done

cat > sign.mjs <<'JS'
import * as sdk from '@polymarket/client';
import {signerFrom} from '@polymarket/client/viem';
import {createWalletClient, http} from 'viem';
import {privateKeyToAccount} from 'viem/accounts';
import {polygon} from 'viem/chains';

const [port, tokenId, ...prices] = process.argv.slice(2);
const environment = {...sdk.production, clob: {...sdk.production.clob, rest: `http://127.0.0.1:${port}`}};
const account = privateKeyToAccount('0x' + '11'.repeat(32));
const signer = signerFrom(createWalletClient({account, chain: polygon, transport: http('http://127.0.0.1:9')}));
const secret = Buffer.alloc(32, 1).toString('base64');
const credentials = {key: '11111111-2222-4333-8444-555555555555', passphrase: 'p', secret};
const client = await sdk.createSecureClient({environment, signer, wallet: account.address, credentials});
const signed = {};
for (const price of prices) {
  const order = await client.createMarketOrder({tokenId, side: 'BUY', amount: 1, maxPrice: Number(price)});
  signed[price] = [String(order.makerAmount), String(order.takerAmount)];
}
const free = await client.createMarketOrder({tokenId, side: 'BUY', amount: 1});
signed.unprotected = [String(free.makerAmount), String(free.takerAmount)];
const deep = await client.estimateMarketPrice({tokenId, side: 'BUY', amount: 1000, orderType: 'FAK'});
console.log(JSON.stringify({signed, deep: String(deep)}));
JS
cat > sign.py <<'PY'
import base64
import dataclasses
import json
import sys

from polymarket import ApiKeyCreds, SecureClient
from polymarket.environments import PRODUCTION, _create_environment

port, token, *prices = sys.argv[1:]
config = dataclasses.replace(PRODUCTION._config, clob_url=f"http://127.0.0.1:{port}")
keys = ApiKeyCreds(
    key="11111111-2222-4333-8444-555555555555", passphrase="p", secret=base64.b64encode(bytes([1] * 32)).decode()
)
client = SecureClient.create(
    private_key="0x" + "11" * 32,
    wallet="0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A",
    environment=_create_environment(name="local", config=config),
    credentials=keys,
)
signed = {}
for price in prices:
    order = client.create_market_order(token_id=token, side="BUY", amount="1", max_price=price)
    signed[price] = [str(order.maker_amount), str(order.taker_amount)]
free = client.create_market_order(token_id=token, side="BUY", amount="1")
signed["unprotected"] = [str(free.maker_amount), str(free.taker_amount)]
deep = client.estimate_market_price(token_id=token, side="BUY", amount=1000, order_type="FAK")
print(json.dumps({"signed": signed, "deep": str(deep)}))
PY
token=52114319501245915516055106046884209969926127482827954674443846427813813222426
prices="0.48 0.47 0.35 0.5"
node sign.mjs "$(cat port)" $token $prices > js.json
venv/bin/python sign.py "$(cat port)" $token $prices > py.json
python3 - <<'PY'
import json
from fractions import Fraction

js, py = json.load(open("js.json")), json.load(open("py.json"))
print(f"{'limit':>12} {'TypeScript':>12} {'its price':>10} {'Python':>12} {'its price':>10}")
for name, (paid, shares) in js["signed"].items():
    own = py["signed"][name]
    prices = [float(Fraction(int(a), int(b))) for a, b in ((paid, shares), own)]
    print(f"{name:>12} {shares:>12} {prices[0]:>10.6f} {own[1]:>12} {prices[1]:>10.6f}")
for limit, up, down in (("0.48", 2083400, 2083300), ("0.47", 2127700, 2127600), ("0.35", 2857200, 2857100)):
    assert js["signed"][limit] == ["1000000", str(up)], limit
    assert py["signed"][limit] == ["1000000", str(down)], limit
    assert Fraction(1_000_000, up) < Fraction(limit) < Fraction(1_000_000, down)
assert js["signed"]["0.5"] == py["signed"]["0.5"] == ["1000000", "2000000"]
assert js["signed"]["unprotected"] == py["signed"]["unprotected"] == ["1000000", "2380900"]
assert (js["deep"], py["deep"]) == ("0.99", "0.99")
print("a FAK estimate beyond the book's depth:", js["deep"], "where the best ask is 0.42")
PY
