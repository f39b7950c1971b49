"""The wallet whose money a signed order would spend, once key, signer, owner and wallet belong together."""

from simulator.clob.credentials import ApiKey
from simulator.exchange.accounts import Account, Accounts
from simulator.exchange.eip712 import SignatureError
from simulator.exchange.order_form import OrderForm
from simulator.exchange.signatures import owner_of
from simulator.exchange.wallet_types import DEPOSIT
from simulator.gateway.http_messages import RefusedError


def account_of(form: OrderForm, key: ApiKey, exchange: str, accounts: Accounts) -> Account:
    """Return the wallet that pays; refuse a mix-up in the venue's words for it."""
    if form.owner != key.key:
        raise RefusedError(400, "the owner has to be the owner of the API KEY")
    if form.signature_type != DEPOSIT and form.signer != key.address:
        raise RefusedError(400, "the order signer address has to be the address of the API KEY")
    try:
        owner = owner_of(form, exchange)
    except SignatureError as error:
        raise RefusedError(400, "invalid signature") from error
    if owner != key.address:
        raise RefusedError(400, "the order signer address has to be the address of the API KEY")
    account = accounts.by_wallet.get(form.maker)
    if account is None or account.signature_type != form.signature_type:
        raise RefusedError(400, "maker address not allowed, please use the deposit wallet flow")
    if account.closed_only and form.side == "BUY":
        raise RefusedError(400, f"'{form.maker}' address in closed only mode")
    return account
