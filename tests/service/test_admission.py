"""Who gets a computing thread: in which order, and for whom nothing is computed."""

import asyncio
import json

import pytest

from service.asgi import Application
from tests.app import app_over, run
from tests.conftest import MODELS
from tests.exchange import Exchange
from tests.service.busy import LONG_S, PREDICT, busy, predict, until

V1, V2 = "/v1/models/mnist:predict", "/v2/models/mnist/infer"


@pytest.fixture(scope="module")
def patient() -> Application:
    """One computing thread, for which everybody waits; without keys."""
    return app_over(MODELS, workers=256, max_wait_s=LONG_S).application


def test_requests_are_computed_in_the_order_of_their_arrival(
    patient: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"waiting{number}" for number in range(8)]

    async def answered() -> list[str]:
        async with busy(patient, monkeypatch) as gate:
            tasks = []
            for number, name in enumerate(names):
                tasks.append(asyncio.create_task(predict(name).run(patient)))
                await until(lambda: patient.admission.load[0] == number + 1)  # noqa: B023
            gate.opened.set()
            assert {one.status for one in await asyncio.gather(*tasks)} == {200}
        return [name for name in gate.computed if name in names]

    assert run(answered()) == names


def test_nothing_is_computed_for_a_client_that_left_while_it_waited(
    patient: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def computed() -> list[str]:
        gone, stays = predict("gone"), predict("stays")
        async with busy(patient, monkeypatch) as gate:
            tasks = [asyncio.create_task(one.run(patient)) for one in (gone, stays)]
            await until(lambda: patient.admission.load[0] == 2)
            gone.leave()
            await until(lambda: patient.admission.load[0] == 1)
            gate.opened.set()
            await asyncio.gather(*tasks)
        assert (gone.status, json.loads(gone.body)["code"], stays.status) == (400, "abandoned", 200)
        return gate.computed

    assert "gone" not in run(computed())


@pytest.mark.parametrize("path", [V1, V2, PREDICT])
def test_after_refusals_and_failures_every_turn_is_free(
    patient: Application, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    async def load() -> tuple[int, int]:
        async with busy(patient, monkeypatch):
            late = await predict("late", path, X_Request_Timeout="0.000001").run(patient)
            assert late.status == 504
        with monkeypatch.context() as patch:
            patch.setattr(patient.flask, "wsgi_app", fail)
            for _ in range(5):
                with pytest.raises(RuntimeError, match="broken"):
                    await predict().run(patient)
        assert (await predict().run(patient)).status == 200
        return patient.admission.load

    assert run(load()) == (0, 0)


def test_requests_that_compute_nothing_do_not_wait_for_those_that_do(
    patient: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answers() -> list[int]:
        async with busy(patient, monkeypatch):
            paths = ("/livez", "/readyz", "/v2/health/ready", "/models")
            return [(await Exchange("GET", path).run(patient)).status for path in paths]

    assert run(answers()) == [200] * 4


def test_a_request_that_is_cut_off_by_the_stop_is_answered_503(
    patient: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancelled() -> Exchange:
        async with busy(patient, monkeypatch):
            exchange = predict()
            task = asyncio.create_task(exchange.run(patient))
            await until(lambda: patient.admission.load[0] == 1)
            task.cancel()
            return await task

    answer = run(cancelled())
    assert (answer.status, json.loads(answer.body)["code"]) == (503, "not_ready")
