"""What workers counted in their files, as Prometheus' text format; several times as fast as prometheus_client's own."""

import json
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate, chain
from typing import NamedTuple

from prometheus_client.utils import floatToGoString

# By the kind of file, by the key in it: see prometheus_client's mmap_key.
Values = Mapping[str, Mapping[str, float]]

# Keys are as many as metrics and labels, which are bounded; these are parsed once and not at every scrape.
_MOST_KEYS = 100_000
# Somewhat more than there are kinds; each is as large as all keys of its kind.
_MOST_SHEETS = 8
# From here on prometheus_client writes numbers with an exponent.
_WRITTEN_OUT_BELOW = 1e6
# Stands at the end of all values.
_NOTHING_MORE = 0.0


class _Series(NamedTuple):
    """Where a key's value goes: to a line of its own, or for a bucket into the sum of those up to `bound`."""

    metric: str
    text: str
    line: str
    count_line: str
    bound: float | None


class _Lines(NamedTuple):
    """Lines with %s where a number stands: those of the values at `places`, each added to the ones before it."""

    text: str
    places: tuple[int, ...] = ()


class _Sheet(NamedTuple):
    """All lines of a kind; worked out once, as long as no key is added."""

    text: str
    places: tuple[tuple[int, ...], ...]


def render(values: Values) -> str:
    """All metrics, each with its help and type, and buckets accumulated."""
    return "".join(_rendered(kind, by_key) for kind, by_key in values.items())


def _rendered(kind: str, by_key: Mapping[str, float]) -> str:
    sheet, values = _sheet(kind, tuple(by_key)), [*by_key.values(), _NOTHING_MORE]
    sums = chain.from_iterable(accumulate(map(values.__getitem__, places)) for places in sheet.places)
    return sheet.text % tuple(map(_number, sums))


@lru_cache(_MOST_SHEETS)
def _sheet(kind: str, keys: tuple[str, ...]) -> _Sheet:
    lines: dict[str, list[_Lines]] = {}
    buckets: dict[str, list[tuple[_Series, int]]] = {}
    for place, series in enumerate(map(_series, keys)):
        told = lines.setdefault(series.metric, [_head(series, kind)])
        if series.bound is None:
            told.append(_Lines(_line(series.line), (place,)))
        else:
            buckets.setdefault(series.count_line, []).append((series, place))
    for counted in buckets.values():
        lines[counted[0][0].metric].append(_histogram(counted))
    whole = [one for told in lines.values() for one in told]
    return _Sheet("".join(one.text for one in whole), tuple(one.places for one in whole))


def _head(series: _Series, kind: str) -> _Lines:
    kind = kind.partition("_")[0]
    name = f"{series.metric}_total" if kind == "counter" else series.metric
    return _Lines(f"# HELP {name} {series.text}\n# TYPE {name} {kind}\n".replace("%", "%%"))


def _line(name: str) -> str:
    return name.replace("%", "%%") + " %s\n"


def _histogram(counted: list[tuple[_Series, int]]) -> _Lines:
    """Its buckets, and its count, which is the last of their sums once more."""
    ordered = sorted(counted, key=lambda one: one[0].bound or 0.0)
    names = [*(series.line for series, _ in ordered), ordered[0][0].count_line]
    return _Lines("".join(map(_line, names)), (*(place for _, place in ordered), -1))


def _number(value: float) -> str:
    """As prometheus_client writes it; where that is what Python writes, in a third of the time."""
    if 0.0 <= value < _WRITTEN_OUT_BELOW:
        return repr(value)
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
