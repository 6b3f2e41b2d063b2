"""The table says what was measured, relative to what, and which goals are reached."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import benchmarks.__main__ as command
from benchmarks import report
from benchmarks.contenders import EARLIER_TITLE, FLASK_LITERT
from benchmarks.measure import CLOSED, LIVENESS, OVERLOAD, SMALL, Row, Sample
from tests.conftest import REPOSITORY

BARE = FLASK_LITERT.title
RESULTS = {
    Row(SMALL, "Squint"): [
        Sample(4000, 4.0, 7.0, 0.50, memory_mb=130, first_answer_s=0.6),
        Sample(3000, 5.0, 9.0, 0.60, memory_mb=135, first_answer_s=0.7),
        Sample(3600, 4.5, 8.0, 0.40, memory_mb=131, first_answer_s=1.8),
    ],
    Row(CLOSED, "Squint"): [Sample(100, 10.0, 20.0)] * 3,
    Row(SMALL, BARE): [Sample(2000, failed=1), Sample(3000), Sample(4000)],
    Row(SMALL, EARLIER_TITLE): [Sample(2000, cpu_ms=1.0)] * 3,
    Row(OVERLOAD, "Squint"): [Sample(90, 500, 1020.5, offered_per_s=490)] * 3,
    Row(LIVENESS, "Squint"): [Sample(p50_ms=1.0, p99_ms=120)] * 3,
}


def row(load: str, server: str) -> str:
    (found,) = [line for line in report.table(RESULTS).splitlines() if line.startswith(f"| {load} | {server} |")]
    return found


def test_a_row_has_the_median_with_the_lowest_and_the_highest() -> None:
    assert "| 3,600 (3,000–4,000) | 4.5 (4–5) |" in row(SMALL, "Squint")


def test_another_server_is_given_relative_to_squint_round_by_round() -> None:
    # 2000/4000, 3000/3000 and 4000/3600.
    assert "| 3,000; × 1 (0.5–1.11), 1 failed |" in row(SMALL, BARE)
    assert "Squint's answers/s ÷ its ≥ 1: 1 (0.9–2), reached" in row(SMALL, BARE)


@pytest.mark.parametrize(
    ("load", "server", "goal"),
    [
        (SMALL, "Squint", "MB ≤ 150: 131 (130–135), reached"),
        (SMALL, "Squint", "first answer s ≤ 1.5: 0.7 (0.6–1.8), reached"),
        (SMALL, EARLIER_TITLE, "Squint's CPU ÷ its ≤ 0.8: 0.5 (0.4–0.6), reached"),
        (OVERLOAD, "Squint", "offered/s ÷ closed loop's ≥ 4: 4.9 (4.9–4.9), reached"),
        (OVERLOAD, "Squint", "answers/s ÷ closed loop's ≥ 0.8: 0.9 (0.9–0.9), reached"),
        (OVERLOAD, "Squint", "p99 ms − closed loop's ≤ 1000: 1,000 (1,000–1,000), **missed**"),
        (LIVENESS, "Squint", "p99 ms ≤ 100: 120 (120–120), **missed**"),
    ],
)
def test_each_goal_is_told_in_its_row(load: str, server: str, goal: str) -> None:
    assert goal in row(load, server)


def test_rows_of_one_load_stand_together() -> None:
    loads = [line.split(" | ")[0] for line in report.table(RESULTS).splitlines()[2:]]
    assert loads == [f"| {load}" for load in (SMALL, SMALL, SMALL, CLOSED, OVERLOAD, LIVENESS)]


def test_only_what_lies_between_the_marks_of_the_page_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{report.BEGIN}\nold\n{report.END}\n\nThe text after it.\n")
    for _ in range(2):
        report.write(page, "A machine.", RESULTS)
    text = page.read_text()
    assert text.startswith(f"# Title\n\n{report.BEGIN}\n\nA machine.\n\n| request |") and "old" not in text
    assert text.endswith(f"|\n\n{report.END}\n\nThe text after it.\n")
    assert page.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_page_of_the_documentation_has_the_marks_once() -> None:
    text = (REPOSITORY / "docs" / "benchmarks.md").read_text()
    assert text.count(report.BEGIN) == text.count(report.END) == 1


@pytest.mark.thorough
@pytest.mark.skipif(not (shutil.which("wrk") and shutil.which("hey")), reason="needs Debian's packages wrk and hey")
def test_command_measures_and_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PEERS", (FLASK_LITERT,))
    page = tmp_path / "page.md"
    page.write_text(f"{report.BEGIN}\n{report.END}\n")
    result = CliRunner().invoke(command.main, ["--rounds", "1", "--seconds", "1", "--page", str(page)])
    assert result.exit_code == 0, result.output
    assert all(f"| {name} |" in page.read_text() for name in ("Squint", BARE, LIVENESS, OVERLOAD))
