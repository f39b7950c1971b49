"""Limits and names that cannot work are refused in words."""

import pytest

from shared.domain.errors import BadConfig
from shared.rate_limit.gate import GateLimits
from tests.shared.rate_limit.gate_stage import Play


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rate_per_s", 0),
        ("rate_per_s", float("nan")),
        ("burst", 0),
        ("floor_per_s", 0),
        ("cut", 1),
        ("cool_down_s", -1),
        ("hold_s", 0),
        ("max_hold_s", 1e9),
        ("recover_per_s", 0),
        ("slow_factor", 1),
        ("slow_floor_s", 0),
    ],
)
def test_a_limit_out_of_bounds_names_the_field_and_the_value(field: str, value: float) -> None:
    with pytest.raises(BadConfig, match=f"{field}={value}"):
        GateLimits(**({"rate_per_s": 10.0} | {field: value}))  # type: ignore[arg-type] - bad on purpose


def test_a_name_that_is_no_key_is_refused(play: Play) -> None:
    with pytest.raises(BadConfig, match="Gate name"):
        play.gate("Data API")
