"""A result as JSON: every value of the run, with the verdict and the three numbers that a person is shown."""

import json

from backtest.results.bootstrap_interval import bootstrap_interval
from backtest.results.result import BacktestResult
from backtest.results.three_numbers import three_numbers
from backtest.results.verdict import judge_result


def result_json(result: BacktestResult) -> str:
    """Return one line of JSON; `verdict` and `numbers` stand beside the fields of `BacktestResult`."""
    judged = judge_result(result, bootstrap_interval([row.ours.pnl for row in result.markets]))
    told = {"word": judged.word, "title": judged.title, "reasons": judged.reasons}
    beside = {"verdict": told, "numbers": three_numbers(result).model_dump(mode="json")}
    return json.dumps({**json.loads(result.model_dump_json()), **beside}, separators=(",", ":"))
