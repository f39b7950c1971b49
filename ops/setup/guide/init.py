"""`hybrid init`: some questions, a look at each answer, and a file of settings that is whole or not there."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ops.setup.checks.node import look_at_node
from ops.setup.checks.upstreams import VenueAsk
from ops.setup.domain import spending
from ops.setup.domain.env_lines import shown_lines
from ops.setup.domain.leader_answer import answer_problem, read_answer
from ops.setup.domain.local_venue import local_venue
from ops.setup.guide.alert_test import send_test, targets_problem
from ops.setup.guide.env_writer import read_settings, write_settings
from ops.setup.guide.leader_look import LeaderLook, look_at
from ops.setup.guide.questions import Questions
from ops.setup.readable_settings import find_settings, settings_of
from shared.clock import Clock
from shared.config import Settings
from shared.domain.errors import BadConfig, HybridError
from shared.domain.plain_text import plain_lines
from shared.domain.redaction import redact_text
from shared.polymarket.wire import endpoints

_LOOK_S = 6.0
_ALERTS, _NONE = "ALERT_URLS", "none"
_ANYBODY = "0x" + "0" * 39 + "1"
_NEXT = (
    "Next:  hybrid doctor           checks everything that a start needs\n"
    "       hybrid up               follows them on paper; Ctrl-C ends it\n"
    "       hybrid status           in another terminal: what it does\n"
    "Real money is apart: hybrid init --live. Nothing starts live by itself."
)


@dataclass(frozen=True)
class SetupRun:
    """One run of the questions: who is asked, which file is written, and the settings that stood there."""

    ask: Questions
    file: Path
    clock: Clock
    before: Mapping[str, str]


def main(ask: Questions, file: Path, clock: Clock, venue: str | None = None) -> None:
    """Ask, look, show and write.

    Raises:
        BadConfig: an answer of a flag does not fit, or the person did not want the file written.
        KeyboardInterrupt: Ctrl-C; nothing was written.
    """
    before = read_settings(file)
    demand_overwrite(ask, file)
    run = SetupRun(ask, file, clock, before)
    found = {**before, **_venue(venue)}
    found |= {"TRACKED_WALLETS": ",".join(leader.address for leader in _leaders(run, settings_of(Settings, found)))}
    found |= _spending(run)
    found |= {"RPC_URL": _node(run, found)}
    found |= _alerts(run)
    save(run, found)
    ask.tell(_NEXT)


def demand_overwrite(ask: Questions, file: Path) -> None:
    """Ask before a file of somebody is replaced.

    Raises:
        BadConfig: it is to stay.
    """
    if not file.exists():
        return
    question = f"{file} is there already. Go on from its settings, and keep it as {file.name}.bak?"
    if not ask.confirm("overwrite", question, default=ask.asks):
        raise BadConfig(f"{file} is there already and stays as it is; --overwrite yes keeps it as {file.name}.bak")


def save(run: SetupRun, found: Mapping[str, str], beside: Callable[[], None] = lambda: None) -> None:
    """Show the file, ask, and write it once every program can start with it, and what it names `beside` it.

    Raises:
        BadConfig: a program could not; nothing was written.
    """
    run.ask.tell(f"\n{run.file} will hold:\n")
    for line in shown_lines(found):
        run.ask.tell(f"    {plain_lines(line)}")
    if not run.ask.confirm("write", f"Write it to {run.file}, for your eyes only (0600)?", default=True):
        raise BadConfig("nothing was written")
    kept = write_settings(run.file, found, lambda draft: (demand_readable(draft), beside()))
    beaten = [name for name, value in found.items() if os.environ.get(name, value) != value]
    if beaten:
        run.ask.tell(f"The environment sets {', '.join(beaten)} too, which beats the file: unset it.")
    run.ask.tell(f"\nWrote {run.file}." + (f" The old one is {kept}." if kept else ""))


def demand_readable(file: Path) -> None:
    """Refuse a draft with which a program would not start.

    Raises:
        HybridError: what the first of them would say.
    """
    for problem in find_settings(str(file)).problems:
        raise type(problem)(str(problem).replace(str(file), str(file).removesuffix(".new")))


def _venue(base: str | None) -> Mapping[str, str]:
    if not base:
        return {}
    try:
        return local_venue(base)
    except ValueError as error:
        raise BadConfig(f"--venue: {error}") from error


def _leaders(run: SetupRun, settings: Settings) -> list[LeaderLook]:
    """Ask until every word is a trader, and whoever looks at them agrees."""
    ask = run.ask
    while True:
        question = "Whom to follow? Profile links, @handles or addresses, separated as you like:"
        default = run.before.get("TRACKED_WALLETS", "")
        words = read_answer(ask.text("leaders", question, default=default, problem=answer_problem))
        ask.tell("looking at them (half a minute at most)...")
        try:
            looks = look_at(words, settings, run.clock)
        except HybridError as error:  # a handle may have to be looked up, and the venue may be away
            ask.tell(plain_lines(str(error)))
            ask.forget("leaders")
            continue
        for look in looks:
            ask.tell(plain_lines(str(look)))
        ask.tell("  What was, says little of what comes: it promises nothing.")
        if ask.confirm("follow", "Follow them?", default=True):
            return looks
        ask.forget("leaders")


def _spending(run: SetupRun) -> Mapping[str, str]:
    ask = run.ask
    for name, each in spending.PRESETS.items():
        ask.tell(f"  {name}: {each.words}")
    choices = {name: f"{name:<6} {each.title}" for name, each in spending.PRESETS.items()}
    choices[spending.OWN] = f"{spending.OWN:<6} say the stake and the day's budget"
    chosen = ask.choose("budget", "How much to follow with?", choices, default="small")
    if chosen != spending.OWN:
        return spending.PRESETS[chosen].settings
    stake = spending.read_amount(
        ask.text("stake", "Stake of each trade, in pUSD:", default="5", problem=spending.stake_problem)
    )
    fits = partial(spending.day_problem, stake=stake)
    day = spending.read_amount(ask.text("day", "At most a day, in pUSD:", default=str(20 * stake), problem=fits))
    own = spending.Spending(stake=stake, day=day)
    ask.tell(f"  {own.words}")
    return own.settings


def _node(run: SetupRun, found: Mapping[str, str]) -> str:
    """Ask for a node until one answers as a Polygon node does, or the person wants it all the same."""
    ask, before = run.ask, found.get("RPC_URL") or endpoints.RPC_URL
    secret = redact_text(before) != before  # a provider's key is not shown as what stands there
    question = "Polygon node (RPC_URL); one of your own is faster and forgets less than the public one"
    question += f"; nothing keeps {redact_text(before)}:" if secret else ":"
    while True:
        url = ask.text(
            "rpc-url", question, default="" if secret else before, problem=partial(_url_problem, may_be_none=secret)
        )
        url = url or before
        lines = look_at_node("node", "RPC_URL", url, VenueAsk(run.clock, _LOOK_S), blocks_at_once=2000, leader=_ANYBODY)
        for line in lines:
            ask.tell(plain_lines(str(line)))
        if all(line.state == "ok" for line in lines):
            return url
        fails = any(line.state == "fail" for line in lines)
        if ask.confirm("any-node", "Use it all the same?", default=not fails):
            return url
        ask.forget("rpc-url")


def _url_problem(url: str, *, may_be_none: bool = False) -> str:
    if may_be_none and not url:
        return ""
    whole = url.startswith(("http://", "https://")) and len(url.partition("://")[2]) > 0 and " " not in url
    return "" if whole else "A URL is needed: https://..., as your provider shows it"


def _alerts(run: SetupRun) -> Mapping[str, str]:
    """Ask where alarms go, send a test there, and ask again until it arrived."""
    ask, kept = run.ask, run.before.get(_ALERTS, "")
    what = f"nothing keeps what is set, {_NONE} ends it" if kept else "or nothing"
    question = f"Where shall alarms go? Apprise URLs (ntfy://TOPIC, tgram://TOKEN/CHAT, ...); {what}:"
    while True:
        urls = ask.text("alerts", question, problem=_alerts_problem)
        if not urls or urls == _NONE:
            return {_ALERTS: ""} if kept and urls else {}
        ask.tell("sending a test message...")
        failed = send_test(urls)
        for problem in failed:
            ask.tell(problem)
        if not failed and ask.confirm("arrived", "Sent. Did it arrive?", default=True):
            return {_ALERTS: urls}
        ask.forget("alerts")


def _alerts_problem(urls: str) -> str:
    return "" if urls == _NONE else targets_problem(urls)
