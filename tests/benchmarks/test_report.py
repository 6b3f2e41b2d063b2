"""The page says what was measured, also where a goal is missed and where a contender could not be measured."""

from pathlib import Path

import pytest

from benchmarks import report, results
from benchmarks.contenders import CONTENDERS
from benchmarks.goals import goals
from benchmarks.results import Facts, Machine, Measurement, Profile, Results, Stage, Start

_MACHINE = Machine(processor="a processor", cores=2, memory_gib=8, system="Linux", python="3.11")


def _measurement(contender: str, number: int, answers: int, **told: object) -> Measurement:
    given: dict[str, object] = {
        **{"contender": contender, "round": number, "workload": "png", "form": "raw", "connections": 16},
        **{"seconds": 2.0, "statuses": {"200": answers}, "p50_ms": 1.0, "p99_ms": 2.0, "p999_ms": 3.0},
        **{"server_us": 400.0, "generator_us": 10.0, **told},
    }
    return Measurement.model_validate(given)


def _start(number: int, pss_bytes: int) -> Start:
    return Start(
        contender="squint",
        round=number,
        first_answer_s=1.2,
        small_pss_bytes=pss_bytes,
        all_pss_bytes=pss_bytes,
        load_average=0.0,
    )


def _profile(code: str, whole_us: float) -> Profile:
    parts = {"decode": 40.0, "the whole": whole_us}
    return Profile(code=code, stages=[Stage(part=part, raw_us=us, multipart_us=us + 1) for part, us in parts.items()])


@pytest.fixture
def found() -> Results:
    """Three rounds of Squint and two peers, one of which lacks a round."""
    measured = [_measurement("squint", number, answers) for number, answers in enumerate((8000, 10000, 9000))]
    measured += [_measurement("litserve", number, answers) for number, answers in enumerate((2000, 2000, 3000))]
    measured += [_measurement("flask_litert", number, 9000, statuses={"200": 9000, "502": 3}) for number in (0, 2)]
    measured += [_measurement("squint", number, 4000, connections=None, rate=2000.0) for number in range(3)]
    measured += [_measurement("squint", 0, 80, workload="batch", connections=4)]
    faults = {"mlserver": ["no answer within 120 s"] * 2}
    names = ("squint", "litserve", "flask_litert", "mlserver")
    return Results(
        taken="today",
        code="abc1234",
        command="python -m benchmarks.compare",
        rounds=3,
        seconds=2,
        generator="wrk",
        machine=_MACHINE,
        contenders={n: Facts(title=CONTENDERS[n].title, how="as it is", faults=faults.get(n, [])) for n in names},
        starts=[_start(number, size) for number, size in enumerate((149_000_000, 160_000_000, 151_000_000))],
        measured=measured,
        ceiling_per_second=[50.0, 50.0, 50.0],
        profile=_profile("abc1234", 400),
        profile_before=_profile("0ff1ce0", 900),
    )


def test_ratios_are_taken_round_by_round(found: Results) -> None:
    ratio = found.ratio(found.of("squint", "png", 16), found.of("litserve", "png", 16))
    assert ratio is not None and ratio == (4.0, 3.0, 5.0)


def test_a_round_that_a_peer_lacks_is_left_out_of_the_ratio(found: Results) -> None:
    ratio = found.ratio(found.of("squint", "png", 16), found.of("flask_litert", "png", 16))
    assert ratio is not None and ratio.low == pytest.approx(8 / 9) and ratio.high == 1.0


def test_open_and_closed_loop_are_not_mixed(found: Results) -> None:
    assert [one.rate for one in found.of("squint", "png", None, 2000.0)] == [2000.0] * 3
    assert [one.rate for one in found.of("squint", "png", 16)] == [None] * 3


def test_goals_are_judged_by_the_median(found: Results) -> None:
    outcomes = {goal.words: goal.outcome for goal in goals(found)}
    assert outcomes["one 28×28 PNG, 16 connections: answers a second against LitServe"] == "reached"
    assert outcomes["memory of 2 workers with all three models (PSS)"] == "missed"
    assert outcomes["first answer after the start"] == "reached"
    assert outcomes["100 pictures a request: share of decoding and inference alone"] == "reached"
    assert outcomes["12-megapixel JPEG: answers a second against plain Pillow in the bare app"] == "not measured"


def test_what_could_not_be_measured_and_what_failed_is_on_the_page(found: Results) -> None:
    page = report.page(found)
    assert "* MLServer could not be measured in 2 of 3 rounds: no answer within 120 s" in page
    assert "502: 6" in page
    assert "| missed |" in page


def test_the_profile_stands_beside_that_of_earlier_code(found: Results) -> None:
    page = report.page(found)
    assert "in brackets the code of 0ff1ce0" in page
    assert "| the whole | 400 (900) | 401 (901) |" in page


def test_the_page_and_its_figures_are_written_beside_the_results(found: Results, tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.json"
    results.write(path, found)
    report.write(path)
    names = {found.name for found in tmp_path.rglob("*") if found.is_file()}
    assert names == {"benchmarks.json", "benchmarks.md", "throughput.png", "batch.png", "latency.png"}


def test_what_is_stored_is_what_was_measured(found: Results, tmp_path: Path) -> None:
    results.write(tmp_path / "stored.json", found)
    assert Results.model_validate_json((tmp_path / "stored.json").read_text()) == found
