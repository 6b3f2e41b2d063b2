"""Seeds and recipes run beside each other on a Ray of this machine."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests import tiny
from tests.tiny.datasets import tiny as tiny_data
from training import ray_jobs, recipe
from training.cli import main

pytestmark = pytest.mark.thorough


@pytest.mark.filterwarnings("ignore")  # Ray's own processes and files are its own affair
def test_runs_on_ray_give_what_runs_give_here_and_one_that_fails_ends_no_other(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="an extra: pip install -r requirements/ray.txt")
    from training import dataset
    from training import run as runs
    from training.train import train

    tiny_data.write(tmp_path)
    tiny.install()
    own = {"arrays": str(tmp_path / "tiny.npz"), "labels": None, "kind": "photo"}
    chosen = replace(recipe.find("tiny_whole"), data_set="arrays", data_options=own, epochs=1)
    without_data = replace(chosen, data_options=own | {"arrays": str(tmp_path / "none.npz")})
    wanted = [(chosen, 1), (without_data, 3), (chosen, 2)]
    found = {}
    with pytest.raises(
        ray_jobs.RunsFailed, match=r"1 of 3 runs failed:\ntiny_whole, seed 3: .*none.npz cannot be read"
    ):
        for done in ray_jobs.run_all(wanted, tmp_path / "ray", None, None):
            found[done.seed] = done.result
    data_set = dataset.find("arrays", own)
    here = train(runs.create(tmp_path / "here", chosen, 1), data_set, dataset.load(data_set, None))
    assert sorted(found) == [1, 2] and found[1].test_accuracy == pytest.approx(here.test_accuracy, abs=0.02)
    assert len(list((tmp_path / "ray").glob("*/test.json"))) == 2


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    words = ["reproduce", "--ray", "--recipe", "mnist_linear", "--out", str(tmp_path / "table.md")]
    result = CliRunner().invoke(main, [*words, "--runs-dir", str(tmp_path / "runs")])
    assert result.exit_code == 1 and "requirements/ray.txt" in result.output


def test_what_was_measured_before_is_not_run_again(tmp_path: Path) -> None:
    from training.reproduce import Ledger
    from training.run import Result

    out = tmp_path / "table.md"
    found = recipe.find("mnist_linear")
    Ledger(out.with_suffix(".json")).add(found, 1, Result(3.0, 0.21, 0.22, 60.0, 785, "cpu:0"))
    words = ["reproduce", "--recipe", "mnist_linear", "--seeds", "1", "--out", str(out)]
    result = CliRunner().invoke(main, [*words, "--runs-dir", str(tmp_path / "runs")])
    assert result.exit_code == 0 and not (tmp_path / "runs").exists()
    assert "| 21.00% | 22.00% | 1 | 1.0 |" in out.read_text()
    assert json.loads(out.with_suffix(".json").read_text()).keys() == {
        f"mnist_linear {recipe.fingerprint(found)} seed 1"
    }
