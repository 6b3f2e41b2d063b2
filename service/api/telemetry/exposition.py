"""What workers counted in their files, as Prometheus' text format; several times as fast as prometheus_client's own."""

import json
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from prometheus_client.utils import floatToGoString

# By the kind of file, by the key in it: see prometheus_client's mmap_key.
Values = Mapping[str, Mapping[str, float]]

# Keys are as many as metrics and labels, which are bounded; these are parsed once and not at every scrape.
_MOST_KEYS = 100_000


class _Series(NamedTuple):
    """Where a key's value goes: to a line of its own, or for a bucket into the sum of those up to `bound`."""

    metric: str
    text: str
    line: str
    count_line: str
    bound: float | None


def render(values: Values) -> str:
    """All metrics, each with its help and type, and buckets accumulated."""
    lines: dict[str, list[str]] = {}
    for kind, by_key in values.items():
        buckets: dict[str, list[tuple[_Series, float]]] = {}
        for key, value in by_key.items():
            series = _series(key)
            if (told := lines.get(series.metric)) is None:
                told = lines[series.metric] = _head(series, kind)
            if series.bound is None:
                told.append(f"{series.line} {_number(value)}")
            else:
                buckets.setdefault(series.count_line, []).append((series, value))
        for count_line, counted in buckets.items():
            lines[counted[0][0].metric] += _accumulated(count_line, counted)
    return "\n".join(line for told in lines.values() for line in told) + "\n"


def _head(series: _Series, kind: str) -> list[str]:
    kind = kind.partition("_")[0]
    name = f"{series.metric}_total" if kind == "counter" else series.metric
    return [f"# HELP {name} {series.text}", f"# TYPE {name} {kind}"]


def _accumulated(count_line: str, counted: list[tuple[_Series, float]]) -> list[str]:
    counted.sort(key=lambda one: one[0].bound or 0.0)
    sums = list(accumulate(value for _, value in counted))
    lines = [f"{series.line} {_number(total)}" for (series, _), total in zip(counted, sums, strict=True)]
    return [*lines, f"{count_line} {_number(sums[-1])}"]


def _number(value: float) -> str:
    told: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return told


@lru_cache(_MOST_KEYS)
def _series(key: str) -> _Series:
    metric, name, labels, text = json.loads(key)
    bound = labels.get("le") if name == f"{metric}_bucket" else None
    others = {label: value for label, value in labels.items() if bound is None or label != "le"}
    return _Series(
        metric,
        text.replace("\\", r"\\").replace("\n", r"\n"),
        name + _braced(labels),
        f"{metric}_count{_braced(others)}",
        None if bound is None else float(bound),
    )


def _braced(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{label}="{_escaped(value)}"' for label, value in sorted(labels.items()))
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
