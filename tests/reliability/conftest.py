"""What the tests of this suite share: how long they go on, and where they tell what came of it."""

from collections.abc import Callable, Iterator

import pytest

from tests.integration.server import Server, running
from tests.integration.test_watching import wait_for_both
from tests.reliability import scale as scales
from tests.reliability.memory import needs_proc
from tests.reliability.scale import Scale

Tell = Callable[[str], None]


@pytest.fixture(scope="session")
def scale() -> Scale:
    """How long and how often."""
    return scales.chosen()


@pytest.fixture
def tell(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Tell:
    """Prints a line of figures, whether the test passes or not."""

    def told(line: str) -> None:
        with capsys.disabled():
            print(f"\n{request.node.name}: {line}", flush=True)

    return told


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers, for the tests of a file that do it no lasting harm."""
    needs_proc()
    log = tmp_path_factory.mktemp("reliability") / "log"
    with running(log, workers=2, log_level="warning") as ready:
        wait_for_both(ready)
        yield ready
    assert "Traceback" not in log.read_text()
