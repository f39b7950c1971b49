"""Other people's clients judge the simulator: every call they offer works, or is listed with a reason."""

from collections.abc import Callable
from functools import cache

import pytest

from benchmarks.rigs.witnesses.environments import WITNESSES, Witness
from benchmarks.rigs.witnesses.reasons import judged, listed_wrong
from benchmarks.rigs.witnesses.table import Statement, heard

witnessed = pytest.mark.parametrize("witness", WITNESSES, ids=lambda witness: witness.title)
FEWEST_CALLS = {"nautilus-trader": 15, "eggplant-sdk": 50}
"""What a driver tries at least: one that asks nothing finds no fault."""


@pytest.fixture(scope="session")
def statement_of() -> Callable[[Witness], Statement]:
    """Give what a client says, heard once; skip where it is not here."""
    return _heard


@cache
def _heard(witness: Witness) -> Statement:
    told = heard(witness)
    if told.missing:
        pytest.skip(f"{witness.title}: {told.missing}")
    return told


@pytest.mark.witness
@pytest.mark.simulator
@pytest.mark.process
@pytest.mark.takes(15)
@witnessed
def test_no_call_of_a_client_differs(witness: Witness, statement_of: Callable[[Witness], Statement]) -> None:
    rows = statement_of(witness).rows

    assert [(row.call, row.why) for row in rows if row.outcome == "differs"] == []
    assert sum(row.outcome == "ok" for row in rows) >= FEWEST_CALLS.get(witness.name, 75)
    assert {row.call for row in rows if row.outcome == "client wrong"} == listed_wrong(witness.title)


def test_a_call_that_fails_without_a_reason_differs() -> None:
    assert judged("a client", "get_order_book", "KeyError: 'bids'") == ("differs", "KeyError: 'bids'")
    assert judged("a client", "get_order_book", "") == ("ok", "")


def test_a_reason_for_a_call_that_works_is_out_of_date() -> None:
    assert judged("a client", "list_comments", "")[0] == "differs"
    assert judged("polymarket-apis 2.3.0", "clob: get_spread", "")[0] == "differs"


@witnessed
def test_each_client_is_pinned_with_hashes(witness: Witness) -> None:
    lines = witness.lock.read_text(encoding="utf-8")
    pin = f'"version": "{witness.version}"' if witness.node else f"{witness.name}=={witness.version} "

    assert pin in lines.replace(f"{witness.name}[polymarket]", witness.name)
    assert ('"integrity"' if witness.node else "--hash=sha256:") in lines
