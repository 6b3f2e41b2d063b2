"""What many tests need: the shipped models, an app over them, and pictures."""

import os
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from werkzeug.test import Client

from service import manifest as contract
from service.manifest import Manifest
from tests.app import App, app_over

REPOSITORY = Path(__file__).parent.parent
MODELS = REPOSITORY / "models"
# What is asked over and over of the running service, and of the page in a browser; of the former, one file is quick.
_THOROUGH, _QUICK = ("integration", "page"), "test_service.py"
SHIPPED = sorted(path.name for path in MODELS.iterdir() if path.is_dir())


@pytest.hookimpl(tryfirst=True)  # before pytest looks at marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks as thorough what is by its folder."""
    for item in items:
        if item.path.parent.name in _THOROUGH and item.path.name != _QUICK:
            item.add_marker(pytest.mark.thorough)


def png(image: Image.Image) -> bytes:
    """The picture as a PNG file."""
    return encoded(image, "PNG")


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    """The picture as a file of any format Pillow writes."""
    file = BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def shipped(model: str) -> Path:
    """The folder of a shipped model's highest version."""
    return max((MODELS / model).iterdir(), key=lambda folder: int(folder.name))


def golden(model: str = "mnist", label: int = 7) -> bytes:
    """A data set picture of a shipped model, as a PNG file."""
    return (shipped(model) / "golden" / f"{label}.png").read_bytes()


@pytest.fixture(scope="session")
def app() -> App:
    return app_over(MODELS, max_images=5, max_image_bytes=50_000, max_image_pixels=1_000_000, max_request_bytes=200_000)


@pytest.fixture
def client(app: App) -> Client:
    return app.test_client()


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """The shipped MNIST model as mnist/1, to be broken."""
    folder = tmp_path / "models" / "mnist" / "1"
    shutil.copytree(shipped("mnist"), folder)
    path = folder / contract.FILE_NAME
    manifest = Manifest.model_validate_json(path.read_bytes())
    path.write_text(contract.to_json(manifest.model_copy(update={"version": 1})))
    return tmp_path / "models"


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    """The folder with the real data sets; SQUINT_DATA_DIR names it."""
    folder = os.environ.get("SQUINT_DATA_DIR")
    if not folder:
        pytest.skip("SQUINT_DATA_DIR does not name a folder with the full data sets")
    yield Path(folder)
