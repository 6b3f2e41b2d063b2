"""Version labels: names for versions, such as `stable` and `canary`, that clients keep while the versions change."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from service.errors import ModelFault
from service.manifest import Name, first_error

FILE_NAME = "version_labels.json"

_FILE = TypeAdapter(dict[Name, Annotated[int, Field(strict=True, ge=1)]])


def read(home: Path, versions: Collection[int]) -> Mapping[str, int]:
    """The labels of a model's folder, none without the file; raises ModelFault.

    A label may only name one of `versions`, those that can answer.
    """
    path = home / FILE_NAME
    if path.exists() and not path.is_file():  # a pipe would keep its reader waiting
        raise ModelFault(f"{path}: is no regular file")
    try:
        labels = _FILE.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ModelFault(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        raise ModelFault(f'{path}: {first_error(error)}; it must be like {{"stable": 3, "canary": 4}}') from error
    for label, version in labels.items():
        if version not in versions:
            known = ", ".join(map(str, sorted(versions))) or "none"
            raise ModelFault(
                f"{path}: the label {label!r} names version {version}, which is not served; served: {known}"
            )
    return labels
