"""The kinds of record that the ledger keeps beside its accounts, each a hash by field. Pure.

| kind | field | holds |
|---|---|---|
| `intents` | signal | an order under way: the decision so far; the buyer writes it, the redeemer waits for it |
| `signed` | signal | the exact bytes of that order, where they were signed |
| `orders` | order | what the venue took and can still fail: the decision so far; the redeemer waits for it too |
| `lots` | leader and token | what a lot is, until it ends; its amounts are accounts |
| `exits` | leader and token | what is still to be sold of a lot |
| `gathered` | leader, token and side | what trades too small to follow came to; of sells the time of the latest, too |
| `staked` | leader and token | when a lot was bought last, from the intent on, and for how much |
| `left` | token | when our shares of one leader were sold whole, and why |
| `breaker` | shard | what the circuit breaker counted |
| `sales` | leader and token | that a person wants a lot sold, not below which price; the buyer makes an exit of it |
| `written_off` | leader, token and time | a lot that a person took out of the ledger, by whose word and why |
| `deposits` | its own id | what came to the bankroll after the first start, or went, by whose word and why |
| `sendings` | signer | the redeemer's transaction under way |
| `wallet` | token, '' for cash | where the wallet differs from the ledger, until that is settled or over |
| `owner` | mode | whose the ledger is: wallet, chain and mode |
| `outside` | token | shares in the wallet that are the owner's own, by a person's word |
"""

INTENTS, LOTS, EXITS, GATHERED = "intents", "lots", "exits", "gathered"
SIGNED, ORDERS = "signed", "orders"
STAKED, LEFT = "staked", "left"
BREAKER = "breaker"
DEPOSITS = "deposits"
SENDINGS = "sendings"
WALLET, OUTSIDE = "wallet", "outside"
OWNER = "owner"
SALES, WRITTEN_OFF = "sales", "written_off"
