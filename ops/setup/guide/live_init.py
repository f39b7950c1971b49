"""`hybrid init --live`: the key into a keystore, the wallet that holds the money, the preflight; it starts nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from buyer.config import BuyerSettings
from ops.setup.checks.account import account_lines
from ops.setup.domain.check_line import CheckLine, exit_code_of
from ops.setup.guide.env_writer import read_settings
from ops.setup.guide.init import SetupRun, demand_overwrite, save
from ops.setup.guide.key_store import StoredKey, ask_key
from ops.setup.guide.questions import Questions
from ops.setup.guide.wallet_finder import FoundWallet, find_wallets, likeliest
from ops.setup.readable_settings import settings_of
from shared.clock import Clock
from shared.config import Settings
from shared.domain.errors import BadConfig, DependencyMissing, RefusedForSafety
from shared.domain.plain_text import plain_lines

_RELAYED = frozenset({"deposit", "deposit-earlier", "proxy"})
_PATIENCE_S = 6.0
_NEXT = (
    "Nothing trades yet, and nothing starts live by itself. When you want it to:\n"
    "       hybrid doctor                     once more, all of it\n"
    "       hybrid up --live --no-dry-run     real money; both words, every time\n"
    '       hybrid kill --why "..."           stops every order, also after a restart'
)


def main(ask: Questions, file: Path, clock: Clock) -> None:
    """Ask for key and wallet, check both as a live start does, and add them to the settings.

    Raises:
        BadConfig: an answer does not fit, or there is no file of settings yet.
        RefusedForSafety: the preflight says no, and nobody wants it written all the same.
        KeyboardInterrupt: Ctrl-C; nothing was written.
    """
    before = read_settings(file)
    if not before:
        raise BadConfig(f"{file} is not there: `hybrid init` first, and try it on paper; real money is a second step")
    demand_overwrite(ask, file)
    run = SetupRun(ask, file, clock, before)
    stored = ask_key(ask, file.absolute().parent)
    wallet = _wallet(run, _signer(stored))
    added = {**stored.settings, **wallet.settings, **_relayer(run, wallet, _signer(stored))}
    kept = {name: value for name, value in before.items() if name != "PRIVATE_KEY"}
    found = {**kept, **{name: value for name, value in added.items() if value or name in kept}}
    _preflight(run, stored, found)
    save(run, found, stored.write)
    ask.tell(_NEXT)


def _signer(stored: StoredKey) -> str:
    try:
        from buyer.venue.polymarket.signer import OrderSigner  # noqa: PLC0415 - needs the extra `live`
    except ImportError as error:
        raise DependencyMissing(f"real money needs the extra `live` ({error}): `make install`") from error
    return OrderSigner(stored.key).address


def _wallet(run: SetupRun, signer: str) -> FoundWallet:
    """Look at every wallet of the key, and ask which one trades: where the money is, by default."""
    ask = run.ask
    ask.tell(f"\nThe key signs for {signer}. Its wallets:")
    wallets = find_wallets(signer, settings_of(Settings, run.before).rpc_url, run.clock)
    for wallet in wallets:
        ask.tell(f"  {wallet.words}")
    names = {wallet.name: wallet.words for wallet in wallets}
    chosen = ask.choose("wallet-type", "Which one holds the money?", names, default=likeliest(wallets))
    return next(wallet for wallet in wallets if wallet.name == chosen)


def _relayer(run: SetupRun, wallet: FoundWallet, signer: str) -> Mapping[str, str]:
    """Ask for the relayer's key where winnings come back through it; without one they are redeemed by hand."""
    if wallet.name not in _RELAYED:
        return {}
    question = "File of the relayer's API key (the venue's site, API keys); nothing: I redeem on the site:"
    given = run.ask.text("relayer-key-file", question, problem=_readable_problem)
    if not given:
        return {}
    key = Path(given).read_text(encoding="utf-8").strip()
    return {"RELAYER_API_KEY": key, "RELAYER_API_KEY_ADDRESS": signer}


def _preflight(run: SetupRun, stored: StoredKey, found: Mapping[str, str]) -> None:
    """Make every check of a live start.

    Raises:
        RefusedForSafety: one says no, and it is not to be written all the same.
    """
    ask = run.ask
    ask.tell("\nthe preflight of a live start:")
    lines = account_lines(_as_buyer(stored, found), run.clock, _PATIENCE_S, "what was given")
    for line in lines:
        ask.tell(plain_lines(str(line)))
    if not exit_code_of(lines):
        return
    if not ask.confirm("any-preflight", "A live start would be refused now. Write it all the same?", default=False):
        raise RefusedForSafety(f"nothing was written: {_failures(lines)}")


def _failures(lines: Sequence[CheckLine]) -> str:
    return "; ".join(f"{line.name}: {line.found}" for line in lines if line.state == "fail")


def _as_buyer(stored: StoredKey, found: Mapping[str, str]) -> BuyerSettings:
    """Return what a buyer would start with, the key at hand: its files are not written yet."""
    settings = settings_of(BuyerSettings, found)
    return settings.model_copy(update={"private_key": stored.key, "private_key_file": None})


def _readable_problem(given: str) -> str:
    if not given:
        return ""
    try:
        return "" if Path(given).read_text(encoding="utf-8").strip() else f"{given} is empty"
    except (OSError, UnicodeDecodeError) as error:
        return f"{given}: cannot be read ({type(error).__name__})"
