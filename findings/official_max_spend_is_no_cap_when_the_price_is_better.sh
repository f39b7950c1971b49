#!/usr/bin/env bash
# PyPI polymarket-client 0.14.0, the venue's own: a market buy with max_spend costs more than that whenever it is filled
# below its limit.
#
# The client reckons the fee at the order's limit price and cuts the sum so that sum + fee = max_spend. A taker's fee is
# shares x rate x p x (1 - p), so for a fixed sum it is sum x rate x (1 - p): the better the price, the *dearer* the fee.
# "Spend at most 10 pUSD, fees included, at most 0.95 a share" signs a sum of 9.96 at a rate of 0.07; filled by an ask of
# 0.10 it costs 10.59, so a budget kept with max_spend is broken by 6%. The sum that no fill can make dearer than it is
# max_spend / (1 + rate): the fee at a price of nothing.
#
# Installs a pinned public package in a temporary folder and asks a server of its own. Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet polymarket-client==0.14.0 2> pip.log || { cat pip.log; exit 1; }

cat > server.py <<'PY'
import http.server
import json
import os

TOKEN = "52114319501245915516055106046884209969926127482827954674443846427813813222426"
MARKET = "0x" + "5f" * 32
ANSWERS = {
    "/auth/api-keys": {"apiKeys": ["11111111-2222-4333-8444-555555555555"]},
    "/markets-by-token/" + TOKEN: {"condition_id": MARKET, "primary_token_id": TOKEN, "secondary_token_id": "7"},
    "/clob-markets/" + MARKET: {
        "t": [{"t": TOKEN, "o": "Yes"}, {"t": "7", "o": "No"}], "mos": 5, "mts": 0.01, "nr": False,
        "fd": {"r": 0.07, "e": 1, "to": True},
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
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open("port.new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename("port.new", "port")
server.serve_forever()
PY
python3 server.py &
server=$!
for _ in $(seq 100); do [ -f port ] && break; sleep 0.1; done

cat > sign.py <<'PY'
import base64
import dataclasses
import sys
from fractions import Fraction

from polymarket import ApiKeyCreds, SecureClient
from polymarket.environments import PRODUCTION, _create_environment

TOKEN = "52114319501245915516055106046884209969926127482827954674443846427813813222426"
config = dataclasses.replace(PRODUCTION._config, clob_url=f"http://127.0.0.1:{sys.argv[1]}")
secret = base64.b64encode(bytes([1] * 32)).decode()
client = SecureClient.create(
    private_key="0x" + "11" * 32,
    wallet="0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A",
    environment=_create_environment(name="local", config=config),
    credentials=ApiKeyCreds(key="11111111-2222-4333-8444-555555555555", passphrase="p", secret=secret),
)
print(f"{'limit':>6} {'sum signed':>11} {'filled at':>10} {'fee':>8} {'cost':>9}   of max_spend 10")
worst = Fraction(0)
for limit, ask in (("0.95", "0.95"), ("0.95", "0.50"), ("0.95", "0.10"), ("0.60", "0.30")):
    order = client.create_market_order(token_id=TOKEN, side="BUY", amount="10", max_spend="10", max_price=limit)
    total, price = Fraction(int(order.maker_amount), 10**6), Fraction(ask)
    fee = total / price * Fraction(7, 100) * price * (1 - price)
    worst = max(worst, total + fee)
    print(f"{limit:>6} {float(total):>11} {ask:>10} {float(fee):>8.4f} {float(total + fee):>9.4f}")
    assert (total + fee <= 10) == (limit == ask), (limit, ask)
assert worst > Fraction("10.5")
print("max_spend / (1 + rate) is the sum that no fill makes dearer:", round(float(10 / Fraction("1.07")), 2))
PY
venv/bin/python sign.py "$(cat port)"
