"""`kserve_manifests.py` with documents on standard input, a JSON list: what in them KServe's own classes do not know.

The classes are made from the schemas of its resources, those of Kubernetes in them from Kubernetes' own. Prints a JSON
list of sentences.
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import kserve.models
import kubernetes.client.models

_PRIMITIVES: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "bool": bool,
    "float": (int, float),
    "object": object,
}


def faults(value: Any, kind: str, at: str) -> Iterator[str]:
    """What is wrong with a value that should be of this kind."""
    if inner := re.fullmatch(r"[Ll]ist\[(.*)\]", kind):
        yield from (fault for index, one in enumerate(value) for fault in faults(one, inner[1], f"{at}[{index}]"))
    elif inner := re.fullmatch(r"[Dd]ict[(\[]str, (.*)[)\]]", kind):
        yield from (fault for key, one in value.items() for fault in faults(one, inner[1], f"{at}.{key}"))
    elif kind in _PRIMITIVES:
        if not isinstance(value, _PRIMITIVES[kind]):
            yield f"{at} is no {kind}"
    else:
        yield from _object(value, kind, at)


def _object(value: dict[str, Any], kind: str, at: str) -> Iterator[str]:
    owner = kserve.models if hasattr(kserve.models, kind) else kubernetes.client.models
    made = getattr(owner, kind)
    attributes = {key: name for name, key in made.attribute_map.items()}
    for key, one in value.items():
        if key not in attributes:
            yield f"{at}.{key} is unknown"
        else:
            yield from faults(one, made.openapi_types[attributes[key]], f"{at}.{key}")
    try:
        made(**{attributes[key]: one for key, one in value.items() if key in attributes})
    except ValueError as error:
        yield f"{at}: {error}"


def kind_of(document: dict[str, Any]) -> str:
    """The class that a document is one of."""
    version: str = document["apiVersion"].rpartition("/")[2]
    return f"{version[0].upper()}{version[1:]}{document['kind']}"


if __name__ == "__main__":
    found = [
        fault for document in json.load(sys.stdin) for fault in faults(document, kind_of(document), document["kind"])
    ]
    print(json.dumps(found))
