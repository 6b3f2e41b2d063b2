"""What the tests of this suite share: how long they go on, and where they tell what came of it."""

from collections.abc import Callable

import pytest

from tests.reliability import scale as scales
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
