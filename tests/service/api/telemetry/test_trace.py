"""W3C Trace Context: valid headers are followed, others ignored; after the recommendation's own examples."""

import re
import sys
from types import SimpleNamespace

import pytest
from werkzeug.test import Client

from service.api.telemetry import trace

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{PARENT}-01"


@pytest.mark.parametrize("header", [VALID, f"01-{TRACE}-{PARENT}-01", f"cc-{TRACE}-{PARENT}-01-what-the-future-holds"])
def test_a_valid_trace_is_followed_with_a_span_of_our_own(header: str) -> None:
    found = trace.of(header)
    assert (found.trace_id, found.flags) == (TRACE, "01") and found.span_id != PARENT
    assert found.parent == f"00-{TRACE}-{found.span_id}-01"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-01-more",
        f"cc-{TRACE}-{PARENT}-01more",
        f"{VALID},{VALID}",
        f"00-{TRACE}-{PARENT}-0١",
    ],
)
def test_an_invalid_trace_is_ignored_with_its_state(header: str) -> None:
    found = trace.of(header, "a=b")
    assert re.fullmatch("[0-9a-f]{32}", found.trace_id) and found.trace_id != TRACE
    assert (found.flags, found.state) == ("00", "")


@pytest.mark.parametrize(
    "state", ["a=b", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7", "fw529a3039@dt=FfAAA", "a=b, c=d", "a=b,,c=d", "a= b"]
)
def test_a_valid_state_is_passed_on_untouched(state: str) -> None:
    assert trace.of(VALID, state).state == state


@pytest.mark.parametrize(
    "state", ["a", "A=b", "a=b=c", "=b", "a=b,c", "a=ä", ",".join(f"k{n}=v" for n in range(33)), "a=" + "b" * 600]
)
def test_an_invalid_state_is_dropped_and_the_trace_kept(state: str) -> None:
    found = trace.of(VALID, state)
    assert (found.trace_id, found.state) == (TRACE, "")


def test_every_answer_names_its_span(client: Client) -> None:
    answer = client.get("/nope", headers={"traceparent": VALID, "tracestate": "a=b"})
    assert answer.headers["traceparent"].startswith(f"00-{TRACE}-") and PARENT not in answer.headers["traceparent"]
    assert answer.headers["tracestate"] == "a=b"
    first, second = (client.get("/livez").headers["traceparent"] for _ in range(2))
    assert first.split("-")[1] != second.split("-")[1]
    assert "tracestate" not in client.get("/livez").headers


class Recorded:
    """OpenTelemetry's current span, as far as it is asked."""

    trace_id, span_id, trace_flags, is_valid = int(TRACE, 16), 7, 3, True
    trace_state = SimpleNamespace(to_header=lambda: "a=b")

    def get_span_context(self) -> "Recorded":
        """It is its own."""
        return self


def test_under_opentelemetry_answer_and_log_name_the_span_that_it_records(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    span = Recorded()
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", SimpleNamespace(get_current_span=lambda: span))
    answer = client.get("/livez", headers={"traceparent": f"00-{'1' * 32}-{PARENT}-00"})
    assert answer.headers["traceparent"] == f"00-{TRACE}-{7:016x}-03" and answer.headers["tracestate"] == "a=b"
    monkeypatch.setattr(span, "is_valid", False)
    assert client.get("/livez", headers={"traceparent": VALID}).headers["traceparent"].startswith(f"00-{TRACE}-")
