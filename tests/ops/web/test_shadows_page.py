"""The page of shadows, and what the page of leaders says of copies."""

import pytest

from shared.domain.ledger_accounts import REALIZED
from shared.domain.ledger_write import LedgerWrite
from shared.ledger.shadow_ledger import ShadowLedger
from shared.messages.base import DECISIONS
from shared.messages.trades import trades_stream
from shared.redis.followed_leaders import FollowedLeader, follow_leader
from shared.redis.shadows import ShadowRecord, begin_shadow
from shared.redis.streams import publish_event
from tests.buyer.builders import LEADER
from tests.ops.explain.life_builders import a_decision, a_skip
from tests.ops.shadow.shadow_builders import BEGAN_MS, a_round
from tests.ops.web.web_rig import WebRig

pytestmark = pytest.mark.server


def test_a_shadow_is_shown_beside_the_real_buyer_and_its_words_are_text(desk: WebRig) -> None:
    begin_shadow(desk.redis, ShadowRecord("tight", {"only_keywords": "<script>"}, "id", BEGAN_MS))
    for number in range(25):
        for trade in a_round(number, "1"):
            ShadowLedger(desk.redis, "tight").commit(
                LedgerWrite(
                    id=trade.id, postings=((REALIZED, trade.realized),), events=((trades_stream("paper"), trade),)
                )
            )

    page = desk.browser.get("/shadows").text

    assert "tight" in page
    assert "&lt;script&gt;" in page
    assert "does not run" in page
    assert "+25.00" in page
    assert ">better<" in page


def test_a_page_without_shadows_says_how_one_begins(desk: WebRig) -> None:
    assert "hybrid shadow NAME --set SETTING=VALUE" in desk.browser.get("/shadows").text


def test_a_leader_shows_how_many_of_his_trades_were_copied_and_filled(desk: WebRig) -> None:
    follow_leader(desk.redis, LEADER, FollowedLeader("whale", 1, "anna"))
    for event in (a_decision(), a_skip(), a_skip()):
        publish_event(desk.redis, DECISIONS, event)

    page = desk.browser.get("/leaders").text

    assert '<td data-label="Copied">1 <span class="muted">of 3</span></td><td data-label="Filled">1</td>' in page
