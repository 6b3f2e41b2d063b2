"""What became of every request, judged and told."""

from tests.integration.crowd import Crowd


def percentile(seconds: list[float], share: float) -> float:
    """The time that this share of all does not exceed; of none, 0."""
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))] if seconds else 0.0


def told(crowd: Crowd) -> str:
    """One line: how many were sent, and what came of them."""
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(crowd.outcomes.items()))
    longest = max(crowd.seconds, default=0)
    return (
        f"{crowd.sent} sent: {outcomes}; p99 {percentile(crowd.seconds, 0.99) * 1000:.0f} ms, longest {longest:.2f} s"
    )


def check(crowd: Crowd, *, broken: int = 0) -> None:
    """Every request was answered 200, refused, or, at most so many, broken."""
    assert crowd.sent == crowd.outcomes.total() > 0
    assert crowd.sent == crowd.outcomes["200"] + crowd.outcomes["refused"] + crowd.broken, crowd.outcomes
    assert crowd.broken <= broken, crowd.outcomes
