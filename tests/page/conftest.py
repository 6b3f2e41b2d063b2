"""One service and one browser for all tests of the page, and a fresh visit for each."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from service import manifest as contract
from tests.conftest import SHIPPED, shipped
from tests.integration.server import Server, running
from tests.page.browser import Visit, launched


# Of the package, not the session: the driver's event loop must be gone before other tests start one.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="package")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The shipped models, of which mnist has two versions, the first with labels."""
    folder = tmp_path_factory.mktemp("page")
    _lay_out(folder / "models")
    with running(folder / "log", models_dir=folder / "models", workers=1, max_image_bytes=200_000) as server:
        yield server


def _lay_out(models: Path) -> None:
    for name in SHIPPED:
        (models / name).mkdir(parents=True)
        for version in (1, 2) if name == "mnist" else (1,):
            folder = models / name / str(version)
            shutil.copytree(shipped(name), folder)
            stated = contract.Manifest.model_validate_json((folder / contract.FILE_NAME).read_bytes())
            contract.write(folder, stated.model_copy(update={"version": version}))
    (models / "mnist" / "version_labels.json").write_text('{"stable": 1, "old": 1}')


Visiting = Callable[..., Visit]


@pytest.fixture
def visiting(browser: Browser, server: Server) -> Iterator[Visiting]:
    """Opens contexts, with Playwright's options; none may have done what a page must never do."""
    visits: list[Visit] = []

    def visit(**options: Any) -> Visit:
        visits.append(Visit(browser, server.url, **options))
        return visits[-1]

    yield visit
    for one in visits:
        # Answers may still be under way to a page that nobody looks at any more.
        one.page.unroute_all(behavior="ignoreErrors")
        one.context.close()
        assert one.faults == []


@pytest.fixture
def page(visiting: Visiting) -> Page:
    """The page on a desktop, with the digits chosen."""
    return visiting().open("#mnist")
