"""The statistics extension of the Open Inference Protocol, from what Prometheus counts over all workers."""

from collections import Counter
from typing import Any

from prometheus_client import CollectorRegistry

# The protocol's stages, and ours that they consist of.
_STAGES = {"queue": ("queue",), "compute_input": ("decode", "prepare"), "compute_infer": ("infer",)}
# There is no cache, and writing the answer is not timed.
_NEVER = ("compute_output", "cache_hit", "cache_miss")


class Statistics:
    """What was counted when this was made, over all workers and since the service started."""

    def __init__(self, counted: CollectorRegistry) -> None:
        self._sums: Counter[tuple[str, ...]] = Counter()
        for sample in (sample for family in counted.collect() for sample in family.samples):
            labels = sample.labels
            if "model" in labels and "version" in labels:
                stage = labels.get("stage", "")
                self._sums[sample.name, labels["model"], labels["version"], stage] += sample.value  # type: ignore[assignment]

    def of(self, model: str, version: int) -> dict[str, Any]:
        """One entry of `model_stats`."""
        at = (model, str(version))
        failed, answered = "squint_failed_inference_seconds", self._stage("infer", *at)
        stages = {name: self._together(parts, *at) for name, parts in _STAGES.items()}
        success = _duration(answered["count"], sum(stage["ns"] for stage in stages.values()))
        fail = _duration(self._sum(f"{failed}_count", *at), self._sum(f"{failed}_sum", *at) * 1e9)
        return {
            "name": model,
            "version": str(version),
            "last_inference": int(self._sum("squint_last_inference_timestamp_seconds", *at) * 1000),
            "inference_count": int(self._sum("squint_predictions_total", *at)),
            "execution_count": answered["count"],
            "inference_stats": {"success": success, "fail": fail, **stages, **dict.fromkeys(_NEVER, _duration(0, 0))},
            "batch_stats": [],
        }

    def _together(self, stages: tuple[str, ...], model: str, version: str) -> dict[str, int]:
        parts = [self._stage(stage, model, version) for stage in stages]
        return _duration(max(part["count"] for part in parts), sum(part["ns"] for part in parts))

    def _stage(self, stage: str, model: str, version: str) -> dict[str, int]:
        name = "squint_stage_duration_seconds"
        count, seconds = (self._sum(f"{name}_{part}", model, version, stage) for part in ("count", "sum"))
        return _duration(count, seconds * 1e9)

    def _sum(self, name: str, model: str, version: str, stage: str = "") -> float:
        return self._sums[name, model, version, stage]


def _duration(count: float, ns: float) -> dict[str, int]:
    return {"count": int(count), "ns": int(ns)}
