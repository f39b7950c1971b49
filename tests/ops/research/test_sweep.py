"""A sweep here and over workers: the same scores, none lost, none computed twice."""

import io
import json
import shutil
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from redis import Redis
from rich.console import Console

from backtest.results.deflated_sharpe import return_moments
from backtest.sweep.plan import Settings
from backtest.sweep.trial import TrialScore, TrialSpec, open_in_place, run_trial, trial_id
from ops.research import sweep, sweep_jobs, sweep_view
from ops.research.contents.published_files import PublishedFiles
from ops.research.contents.settings import SweepSettings
from ops.research.sweep_files import published_files
from ops.research.sweep_jobs import SweepJobs
from ops.research.sweep_plan import SettingsSweep, plan
from ops.research.sweep_runs import run_here, run_there
from shared.clock import SystemClock
from shared.domain.errors import BadConfig
from shared.redis.client import connect_redis
from tests.detector.builders import LEADER, NOW_S, a_row, tx
from tests.started import started
from tests.waiting import PATIENCE_S

MARKETS = 12
NEVER = threading.Event()


def quiet(_done: int) -> None:
    """Show no bar."""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Two trades in each of some markets, every third of which is lost."""
    rows = [
        a_row(
            timestamp=NOW_S + 300 * n + 20 * step,
            transaction_hash=tx(2 * n + step),
            condition_id=f"0x{n:064x}",
            token_id=str(1000 + n),
            price="0.52",
        )
        for n in range(MARKETS)
        for step in range(2)
    ]
    winners = [f"0x{n:064x},{'0;1' if n % 3 == 0 else '1;0'}" for n in range(MARKETS)]
    history, resolved = tmp_path / "rows.json", tmp_path / "resolved.csv"
    history.write_text(json.dumps(rows))
    resolved.write_text("\n".join(["condition_id,payouts", *winners]) + "\n")
    return history, resolved


def a_sweep(files: tuple[Path, Path], *vary: str) -> SettingsSweep:
    axes = vary or ("stake_usdc=3,5,8,10", "delay=2,30")
    return plan([files[0]], [files[1]], axes, ["max_day_usdc=100000"], random=0, seed=1)


def test_every_try_has_a_score_in_the_order_of_the_plan(files: tuple[Path, Path], tmp_path: Path) -> None:
    wanted = a_sweep(files)

    scores = run_here(wanted, tmp_path, NEVER, quiet)

    assert list(scores) == list(wanted.tries)
    quick = [score for score in scores.values() if score.settings["delay"] == "2"]
    assert {score.markets for score in quick} == {MARKETS}
    assert len({score.pnl for score in quick}) == 4


def test_who_comes_after_the_market_closed_buys_nothing(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Each market closes a minute after its second trade, which comes 20 s after the first."""
    wanted = a_sweep(files, "delay=70,90", "max_signal_age_s=200")

    in_time, late = run_here(wanted, tmp_path, NEVER, quiet).values()

    assert in_time.markets == MARKETS
    assert (late.markets, late.pnl) == (0, 0)


@pytest.mark.slow
def test_what_is_done_is_not_run_again_also_after_a_crash_in_mid_line(files: tuple[Path, Path], tmp_path: Path) -> None:
    whole = run_here(a_sweep(files), tmp_path, NEVER, quiet)
    [store] = tmp_path.glob("*.jsonl")
    store.write_text("".join(store.read_text().splitlines(keepends=True)[:3]) + '{"id":"torn')
    counted: list[Settings] = []

    def run(spec: TrialSpec, varied: Settings) -> TrialScore:
        counted.append(varied)
        return run_trial(spec, varied)

    again = run_here(a_sweep(files), tmp_path, NEVER, quiet, run)

    assert again == whole
    assert len(counted) == len(whole) - 3


def test_a_worker_with_another_environment_computes_the_same_score(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = a_sweep(files, "delay=2")
    here = run_trial(wanted.spec, {"delay": "2"})
    monkeypatch.setenv("STAKE_USDC", "50")
    monkeypatch.setenv("PAPER_BANKROLL_USDC", "7")

    there = run_trial(wanted.spec, {"delay": "2"})

    assert there == here
    assert a_sweep(files, "delay=2").spec == wanted.spec


def test_a_file_of_leaders_limits_that_changed_makes_another_try(files: tuple[Path, Path], tmp_path: Path) -> None:
    own = tmp_path / "own.json"

    def names(stake: str, flag: str) -> set[str]:
        own.write_text(json.dumps({LEADER: {"stake_usdc": stake}}))
        if flag == "--set":
            return set(plan([files[0]], [], ["delay=2"], [f"leader_limits=@{own}"], random=0, seed=1).tries)
        return set(a_sweep(files, f"leader_limits=@{own}|@{own}").tries)

    for flag in ("--set", "--vary"):
        assert names("7", flag) == names("7", flag)
        assert names("7", flag).isdisjoint(names("9", flag))


def test_other_files_in_the_same_place_are_no_part_of_the_sweep(files: tuple[Path, Path]) -> None:
    wanted = a_sweep(files)
    files[0].write_text("[]")

    with pytest.raises(BadConfig, match="not those of the sweep"):
        run_trial(wanted.spec, {"stake_usdc": "5"})


def test_a_worker_reads_a_history_once_for_all_its_tries(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Its files are there for the first try only."""
    (tmp_path / "copy").mkdir()
    copied = [Path(shutil.copy(file, tmp_path / "copy")) for file in files]
    wanted, fresh = a_sweep(files), a_sweep((copied[0], copied[1]))
    first, *others = wanted.tries.values()

    run_trial(wanted.spec, first)
    for file in files:
        file.unlink()

    assert [run_trial(wanted.spec, each) for each in others] == [run_trial(fresh.spec, each) for each in others]


def test_a_worker_with_other_code_computes_nothing(files: tuple[Path, Path]) -> None:
    spec = a_sweep(files).spec.model_copy(update={"code": "another"})

    with pytest.raises(BadConfig, match="install the same version"):
        run_trial(spec, {"stake_usdc": "5"})


def test_a_wrong_value_is_a_plain_error(files: tuple[Path, Path]) -> None:
    with pytest.raises(BadConfig, match="max_slippage_ticks"):
        run_trial(a_sweep(files).spec, {"max_slippage_ticks": "many"})


@pytest.mark.parametrize(
    "vary", ["stake_usdc=5,-5", "max_market_usdc=-1,5", "max_slippage_ticks=2,-50", "min_price=0,1"]
)
def test_a_value_that_the_buyer_would_refuse_is_refused_before_the_first_try(
    files: tuple[Path, Path], vary: str
) -> None:
    with pytest.raises(BadConfig, match=vary.partition("=")[0]):
        a_sweep(files, vary)


def test_a_sweep_says_before_its_first_try_that_its_page_has_no_place(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="--html"):
        sweep.main(a_sweep(files), None, tmp_path, html=tmp_path / "none" / "x.html", as_json=True, console=Console())

    assert list(tmp_path.glob("*.jsonl")) == []


@pytest.mark.slow
def test_a_page_and_a_table_warn_of_luck_and_show_the_heat(files: tuple[Path, Path], tmp_path: Path) -> None:
    wanted = a_sweep(files)
    ranked = sweep_view.ranking(run_here(wanted, tmp_path, NEVER, quiet).values())
    out = io.StringIO()

    Console(file=out, width=140).print(sweep_view.shown(ranked, wanted.axes))

    assert "deflated Sharpe ratio" in out.getvalue()
    assert "mean result, stake_usdc down, delay across" in out.getvalue()
    assert 'id="heat"' in sweep_view.page(ranked, wanted.axes)
    assert sweep_view.figures(ranked)["luck"]["trials"] == 8


def a_score(stake: str, results: Sequence[float], filled: int = 60) -> TrialScore:
    """Build a score of a bankroll of 100 pUSD by its results by market."""
    pnl = round(sum(results) * 100_000_000)
    sums = dict.fromkeys(("open_value", "fees", "beyond", "max_drawdown", "most_locked"), 0)
    counts = {"signals": 60, "orders": filled, "filled": filled, "markets": len(results)}
    told = {"id": stake, "settings": {"stake_usdc": stake}, "spent": 1, "pnl": pnl, "shape": return_moments(results)}
    return TrialScore.model_validate({**told, **counts, **sums})


def test_the_luck_of_the_try_in_the_lead_is_judged_and_no_others() -> None:
    """One market won it all for the first; the second won a little in every market."""
    lucky, steady = a_score("50", [*[0.0] * 59, 9.0]), a_score("5", [0.01, 0.02, 0.03] * 20)
    ranked = sweep_view.ranking([steady, lucky])
    out = io.StringIO()

    Console(file=out, width=200).print(sweep_view.shown(ranked, ()))

    assert sweep_view.judged([steady]).convincing
    assert "In the lead by its result: stake_usdc=50. " in out.getvalue()
    assert "Choosing it is choosing luck" in out.getvalue()
    assert "verdict unsure" in sweep_view.page(ranked, ())
    told = sweep_view.figures(ranked)["luck"]
    assert (told["settings"], told["convincing"]) == ({"stake_usdc": "50"}, False)


def test_a_try_that_bought_nothing_never_leads() -> None:
    idle, losing, winning = a_score("1", [], filled=0), a_score("5", [-0.1] * 3), a_score("9", [0.1] * 3)

    assert sweep_view.ranking([idle, losing, winning]) == [winning, losing, idle]


def test_a_heat_map_holds_the_mean_of_what_is_not_shown(files: tuple[Path, Path], tmp_path: Path) -> None:
    wanted = a_sweep(files, "stake_usdc=3,5", "delay=2,30", "max_slippage_ticks=0,4")
    ranked = list(run_here(wanted, tmp_path, NEVER, quiet).values())

    across, down, means = sweep_view.cells(ranked, wanted.axes)

    first = [score.pnl for score in ranked if (score.settings["stake_usdc"], score.settings["delay"]) == ("3", "2")]
    assert (across, down, len(first)) == (["2", "30"], ["3", "5"], 2)
    assert means[0][0] == pytest.approx(sum(first) / 2 / 1_000_000)


def offered(wanted: SettingsSweep, redis: Redis, files: tuple[Path, Path], at: Path) -> PublishedFiles:
    return published_files(SweepSettings.model_validate({}), wanted.content, [files[0]], [files[1]], redis, at)


@pytest.mark.process
@pytest.mark.server
@pytest.mark.takes(9)
def test_64_tries_over_two_machines_without_the_files_equal_one_process_though_a_worker_is_killed(
    files: tuple[Path, Path], valkey_url: str, tmp_path: Path
) -> None:
    """Each worker has a folder of its own; one is killed in the middle of its sixth try, while the other goes on."""
    wanted = a_sweep(files, "stake_usdc=3,4,5,6,7,8,9,10", "delay=2,5,10,30", "max_slippage_ticks=0,2")
    assert len(wanted.tries) == 64
    alone = run_here(wanted, tmp_path, NEVER, quiet)

    with connect_redis(valkey_url) as redis:
        tries, shared_files = SweepJobs(redis, wanted.spec), offered(wanted, redis, files, tmp_path / "here")
        shared_files.keep()
        tries.offer(wanted.tries)
        worker = ("ops.cli", "sweep-worker", "--redis-url", valkey_url, "--data-dir", str(tmp_path / "two"))
        with started("tests.ops.research.doomed_sweeper", valkey_url, str(tmp_path / "one")) as doomed:
            assert doomed.stdout is not None
            assert doomed.stdout.readline().startswith("{")
            done_by_it = len(tries.known(list(wanted.tries)))

            def kill_one(done: int) -> None:
                if done > 2 * done_by_it and doomed.poll() is None:
                    doomed.send_signal(signal.SIGKILL)
                    doomed.wait(PATIENCE_S)

            with started(*worker) as other:
                scores = run_there(wanted, tries, shared_files, SystemClock(), NEVER, kill_one, offer_every_s=0.5)
                other.send_signal(signal.SIGTERM)
                said = other.communicate(timeout=PATIENCE_S)[1]

        assert doomed.returncode == -signal.SIGKILL
        fetched = {file.sha256 for file in wanted.content.distinct}
        assert scores == alone
        assert done_by_it == 5
        assert tries.again >= 1
        assert int(said.split()[0]) >= 59
        assert {path.name for path in (tmp_path / "one/files/objects").iterdir()} == fetched
        assert {path.name for path in (tmp_path / "two/sweeps/files/objects").iterdir()} == fetched
        assert redis.keys("hs:sweep:file*") == []
        assert run_there(wanted, tries, shared_files, SystemClock(), NEVER, quiet) == alone


@pytest.mark.server
def test_a_try_that_fails_stops_the_sweep_with_its_settings_and_is_tried_again_later(
    files: tuple[Path, Path], valkey_url: str
) -> None:
    wanted = a_sweep(files, "delay=2,later")
    with connect_redis(valkey_url) as redis:
        tries = SweepJobs(redis, wanted.spec)
        tries.offer(wanted.tries)
        sweep_jobs.work(redis, open_in_place, NEVER, SystemClock(), burst=True)

        scores, failed = sweep_jobs.read(tries.known(list(wanted.tries)))
        assert (len(scores), len(failed)) == (1, 1)
        [found] = failed.values()
        assert found["settings"] == {"delay": "later"}
        assert "--delay later" in found["error"]

        tries.forget(list(failed))
        tries.offer({name: wanted.tries[name] for name in failed})
        assert sweep_jobs.work(redis, open_in_place, NEVER, SystemClock(), burst=True) == 1


@pytest.mark.server
def test_a_try_that_a_worker_may_just_have_taken_is_offered_again_at_the_second_look_only(
    files: tuple[Path, Path], valkey_url: str
) -> None:
    wanted = a_sweep(files, "delay=2")
    with connect_redis(valkey_url) as redis:
        tries = SweepJobs(redis, wanted.spec)
        tries.offer(wanted.tries)
        taken = redis.lpop("rq:queue:sweep")

        tries.offer(wanted.tries)
        once = redis.lrange("rq:queue:sweep", 0, -1)
        tries.offer(wanted.tries)

        assert (once, tries.again) == ([], 1)
        assert redis.lrange("rq:queue:sweep", 0, -1) == [taken]


@pytest.mark.server
def test_what_is_left_of_a_job_that_was_deleted_keeps_no_try_from_being_offered(
    files: tuple[Path, Path], valkey_url: str
) -> None:
    """A worker that ends a job after it was deleted writes its state alone."""
    wanted = a_sweep(files, "delay=2")
    [name] = wanted.tries
    with connect_redis(valkey_url) as redis:
        redis.hset(f"rq:job:sweep-{name}", "status", "finished")
        SweepJobs(redis, wanted.spec).offer(wanted.tries)

        assert redis.lrange("rq:queue:sweep", 0, -1) == [f"sweep-{name}"]


@pytest.mark.server
def test_a_job_that_names_a_file_of_the_workers_machine_is_refused(
    files: tuple[Path, Path], valkey_url: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("word")
    wanted, varied = a_sweep(files, "delay=2"), {"leader_limits": f"@{tmp_path / 'secret'}"}
    name = trial_id(wanted.spec, varied)
    with connect_redis(valkey_url) as redis:
        tries = SweepJobs(redis, wanted.spec)
        tries.offer({name: varied})
        sweep_jobs.work(redis, open_in_place, NEVER, SystemClock(), burst=True)

        [found] = sweep_jobs.read(tries.known([name]))[1].values()
    assert "may name no file" in found["error"]
    assert "word" not in found["error"]
