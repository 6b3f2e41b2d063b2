"""Files that were made to break a service are answered as their names say, by every model."""

from pathlib import Path

import pytest
from werkzeug.test import Client

from tests.conftest import SHIPPED

NASTY = sorted((Path(__file__).parents[2] / "golden" / "nasty").iterdir())


# Pillow warns of broken metadata beside a good picture; outside the tests that is a line on stderr.
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("model", SHIPPED)
@pytest.mark.parametrize("file", NASTY, ids=lambda file: file.name)
def test_a_nasty_file_is_answered_as_its_name_says(client: Client, model: str, file: Path) -> None:
    answer = client.post(f"/models/{model}/predict?seen=1", data={"image": (file.open("rb"), file.name)})
    assert answer.status_code == int(file.name[:3]), answer.get_data(as_text=True)
    assert answer.get_json().get("predictions" if answer.status_code == 200 else "detail")


def test_the_nasty_files_are_many_and_small() -> None:
    assert len(NASTY) >= 40 and sum(file.stat().st_size for file in NASTY) < 200_000
