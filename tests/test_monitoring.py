"""Dashboard, alerts and docs/metrics.md name the metrics that the service exports."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from service.api.metrics import Metrics
from tests.conftest import REPOSITORY

DASHBOARD = json.loads((REPOSITORY / "deploy" / "grafana" / "dashboard.json").read_text())
RULES_FILE = REPOSITORY / "deploy" / "prometheus" / "alerts.yml"
RULES: list[dict[str, Any]] = yaml.safe_load(RULES_FILE.read_text())["groups"][0]["rules"]
PAGE = (REPOSITORY / "docs" / "metrics.md").read_text()
# Labels that Prometheus itself adds.
SCRAPED = {"job", "instance"}


def exported() -> dict[str, tuple[str, set[str]]]:
    """Every metric by the name it is exposed under: its type and its labels."""
    kinds = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}
    found = {}
    for collector in Metrics()._registry._collector_to_names:
        assert isinstance(collector, Counter | Gauge | Histogram)
        name = collector._name + ("_total" if isinstance(collector, Counter) else "")
        found[name] = (kinds[type(collector)], set(collector._labelnames))
    return found


METRICS = exported()


def family(series: str) -> str:
    """The metric that a series in an expression belongs to; fails if there is none."""
    if METRICS.get(series, ("",))[0] in ("counter", "gauge"):
        return series
    for suffix in ("_bucket", "_sum", "_count"):
        name = series.removesuffix(suffix)
        if name != series and METRICS.get(name, ("",))[0] == "histogram":
            return name
    raise AssertionError(f"{series} is no series of the service")


def expressions() -> list[str]:
    """Those of all panels and all alerts."""
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return panels + [rule["expr"] for rule in RULES]


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_uses_existing_series(expression: str) -> None:
    found = re.findall(r"\b(squint_\w+)(?:\{([^}]*)\})?", expression)
    assert found or "up{" in expression
    for series, selector in found:
        labels = METRICS[family(series)][1] | SCRAPED
        assert set(re.findall(r"(\w+)(?:=~|!~|!=|=)", selector)) <= labels


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_groups_by_existing_labels(expression: str) -> None:
    labels = SCRAPED | {"le"}
    for series in re.findall(r"\bsquint_\w+", expression):
        labels |= METRICS[family(series)][1]
    for grouped in re.findall(r"by \(([^)]*)\)", expression):
        assert set(re.split(r",\s*", grouped)) <= labels


def test_the_page_lists_every_metric_with_its_type_and_labels() -> None:
    rows = re.findall(r"^\| `(squint_\w+)` \| (\w+) \| ([\w, ]*?) ?\| (.+) \|$", PAGE, re.MULTILINE)
    listed = {name: (kind, set(filter(None, labels.split(", ")))) for name, kind, labels, _ in rows}
    assert listed == METRICS and len(rows) == len(METRICS) and all(text for *_, text in rows)


def test_every_metric_is_on_the_dashboard_or_in_an_alert() -> None:
    used = {family(series) for expression in expressions() for series in re.findall(r"\bsquint_\w+", expression)}
    assert used == set(METRICS)


def test_panels_use_the_data_source_chosen_at_import() -> None:
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD))) - {"__rate_interval"} <= variables
    for panel in DASHBOARD["panels"]:
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


def test_promtool_accepts_the_alerts() -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool is not installed; Debian's package prometheus has it")
    checked = subprocess.run([promtool, "check", "rules", RULES_FILE], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
