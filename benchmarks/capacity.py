"""From what one request costs to what so many a second cost."""

import math
from typing import NamedTuple

_HOURS_A_MONTH = 730


class Assumptions(NamedTuple):
    """What is not measured: how far cores may be loaded, what a replica is given, what a core costs."""

    load: float = 0.6
    cores_a_replica: int = 2
    price_a_core_hour: float = 0.04


class Costs(NamedTuple):
    """What was measured: CPU and bytes of a request, memory of a replica."""

    server_us: float
    pss_bytes: float
    bytes_in: int
    bytes_out: int
    log_bytes: float


class Plan(NamedTuple):
    """What a rate needs."""

    cores: int
    replicas: int
    memory_gib: float
    price_an_hour: float
    price_a_month: float
    network_gbit_s: float
    log_mb_s: float


def plan(rate: float, costs: Costs, assumed: Assumptions) -> Plan:
    """For so many requests a second; replicas are whole, and each has its cores to itself."""
    replicas = math.ceil(rate * costs.server_us / 1e6 / assumed.load / assumed.cores_a_replica)
    cores = replicas * assumed.cores_a_replica
    price = cores * assumed.price_a_core_hour
    return Plan(
        cores=cores,
        replicas=replicas,
        memory_gib=replicas * costs.pss_bytes / 2**30,
        price_an_hour=price,
        price_a_month=price * _HOURS_A_MONTH,
        network_gbit_s=rate * (costs.bytes_in + costs.bytes_out) * 8 / 1e9,
        log_mb_s=rate * costs.log_bytes / 1e6,
    )
