"""`hybrid init` on a terminal: each answer wrong once, and Ctrl-C at each question leaves nothing half done."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.setup.guide.env_writer import read_settings
from shared.polymarket.wire.endpoints import PUSD
from simulator import Settings, Simulator, WallClock, serve
from tests.ops.setup.typed_terminal import CTRL_C, DOWN, ENTER, TypedTerminal
from tests.ops.setup.webhook import webhook

pytestmark = [pytest.mark.simulator, pytest.mark.process]

WHOM, FOLLOW, MUCH, STAKE, DAY = (
    "Whom to follow?",
    "Follow them?",
    "How much to follow with?",
    "Stake of each",
    "At most a day",
)
NODE, ANY_NODE, ALARMS, ARRIVED = "Polygon node", "Use it all the same?", "Where shall alarms go?", "Did it arrive?"
WRITE, OVERWRITE = "for your eyes only", "is there already"


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with serve(Settings(fills_per_minute=0), WallClock()) as world:
        yield world


@pytest.fixture
def terminal(sim: Simulator, tmp_path: Path) -> Iterator[TypedTerminal]:
    typed = TypedTerminal(["init", "--venue", sim.base], tmp_path)
    yield typed
    typed.close()


def test_each_answer_wrong_once_is_said_and_asked_again(
    sim: Simulator, tmp_path: Path, terminal: TypedTerminal
) -> None:
    leader, other = (each.address for each in sim.leaders[:2])
    with webhook() as hook:
        terminal.answer(WHOM, "somebody famous")
        terminal.until("'somebody', 'famous': no trader")
        terminal.answer(WHOM, PUSD)
        terminal.until("a contract of the venue")
        terminal.answer(WHOM, leader, 2)
        terminal.answer(FOLLOW, "n")
        terminal.answer(WHOM, f"https://polymarket.com/profile/{leader.upper().replace('X', 'x')}; {other[2:]}", 3)
        terminal.answer(FOLLOW, "y", 2)
        terminal.until(MUCH)
        terminal.type(DOWN * 3 + ENTER)
        terminal.answer(STAKE, "a lot")
        terminal.until("is no amount")
        terminal.answer(STAKE, "3.5")
        terminal.answer(DAY, "2")
        terminal.until("less than one stake")
        terminal.answer(DAY, "35")
        terminal.answer(NODE, "polygon")
        terminal.until("A URL is needed")
        terminal.answer(NODE, "http://127.0.0.1:1")
        terminal.until("takes no connection")
        terminal.answer(ANY_NODE, "n")
        terminal.answer(NODE, sim.urls["rpc_url"], 2)
        terminal.answer(ALARMS, "call me")
        terminal.until("cannot be read")
        hook.closed = True
        terminal.answer(ALARMS, hook.url)
        terminal.until("did not take the message")
        hook.closed = False
        terminal.answer(ALARMS, hook.url, 2)
        terminal.answer(ARRIVED, "n")
        terminal.answer(ALARMS, hook.url, 3)
        terminal.answer(ARRIVED, "y", 2)
        terminal.answer(WRITE, "y")

        assert terminal.ended() == 0, terminal.text

    assert len(hook.arrived) == 2
    written = read_settings(tmp_path / ".env")
    assert written["TRACKED_WALLETS"] == f"{leader},{other}"
    assert (written["STAKE_USDC"], written["MAX_DAY_USDC"], written["ALERT_URLS"]) == ("3.5", "35", hook.url)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert hook.url not in terminal.text.partition("will hold")[2]
    assert [file.name for file in tmp_path.iterdir()] == [".env"]


def answers(sim: Simulator) -> list[tuple[str, str]]:
    return [
        (OVERWRITE, "y"),
        (WHOM, sim.leaders[0].address),
        (FOLLOW, "y"),
        (MUCH, ""),
        (NODE, sim.urls["rpc_url"]),
        (ALARMS, ""),
        (WRITE, "y"),
    ]


@pytest.mark.parametrize("number", [0, 3, 6])
def test_ctrl_c_at_a_question_leaves_the_folder_as_it_was(sim: Simulator, tmp_path: Path, number: int) -> None:
    file = tmp_path / ".env"
    file.write_text("LOG_LEVEL=debug\n")
    terminal = TypedTerminal(["init", "--venue", sim.base], tmp_path)
    asked = answers(sim)

    for question, words in asked[:number]:
        terminal.answer(question, words)
    terminal.until(asked[number][0])
    terminal.type(CTRL_C)

    assert terminal.ended() == 1, terminal.text
    assert "nothing was written" in terminal.text
    assert "Traceback" not in terminal.text
    assert file.read_text() == "LOG_LEVEL=debug\n"
    assert [each.name for each in tmp_path.iterdir()] == [".env"]


def test_what_was_set_before_stays_and_the_old_file_is_kept(sim: Simulator, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("LOG_LEVEL=debug\n")
    terminal = TypedTerminal(["init", "--venue", sim.base], tmp_path)

    for question, words in answers(sim):
        terminal.answer(question, words)

    assert terminal.ended() == 0, terminal.text
    assert read_settings(file)["LOG_LEVEL"] == "debug"
    assert (tmp_path / ".env.bak").read_text() == "LOG_LEVEL=debug\n"
    assert (tmp_path / ".env.bak").stat().st_mode & 0o777 == 0o600


def test_ctrl_c_while_it_looks_leaves_the_folder_as_it_was(sim: Simulator, tmp_path: Path) -> None:
    terminal = TypedTerminal(["init", "--venue", sim.base], tmp_path)
    terminal.until(WHOM)
    sim.fault("timeout", "data")
    terminal.answer(WHOM, sim.leaders[0].address)
    terminal.until("looking at them")
    terminal.type(CTRL_C)

    code = terminal.ended()
    sim.heal()

    assert code == 1, terminal.text
    assert "nothing was written" in terminal.text
    assert list(tmp_path.iterdir()) == []
