"""Every setting of the service, its default and its limits; each is an environment variable with the prefix SQUINT_."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service import logs
from service.cores import allotted_cores
from service.errors import Fault

PREFIX = "SQUINT_"
# Of two names, prefix included, on difflib's scale to 1: one letter more, fewer or other.
_ALIKE = 0.95
# In one request; a longer list is given up at once, before it costs memory.
MOST_IMAGES = 10_000
EngineChoice = Literal["auto", "litert", "tensorflow"]
_BOUNDS = {"gt": "above", "ge": "from", "le": "to", "lt": "below"}
_HOST = re.compile(r"[0-9A-Za-z._:%-]+")
_ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://[^/\s,]+")
_ORIGINS = "* or origins such as https://example.org with commas between them, without a slash at the end"
_WORDS: Mapping[Any, str] = {str: "text", Path: "a path", Path | None: "a path", tuple[str, ...]: _ORIGINS}


class SettingsFault(Fault):
    """A setting is not valid; the sentence names the variable."""

    code = "settings_fault"


class Settings(BaseSettings):
    """The service's settings, read from the environment once and passed down."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for every IPv4 address of the machine."""

    port: int = Field(default=8000, ge=1, le=65535)
    """TCP port to listen on."""

    models_dir: Path = Path("models")
    """Folder with `<name>/<version>/` below it."""

    engine: EngineChoice = "auto"
    """`auto` takes LiteRT where a version has model.tflite and TensorFlow where it has not."""

    poll_interval_s: float = Field(default=2.0, ge=0, le=3600)
    """How often each worker looks for new, changed and removed versions; 0 looks at the start only."""

    workers: int = Field(default_factory=allotted_cores, ge=1, le=256)
    """Worker processes; each holds all models. By default as many as cores are allotted to this process."""

    max_wait_s: float = Field(default=5, gt=0, le=600)
    """Longest wait of a request for a computing thread; then it is refused (429)."""

    max_request_bytes: int = Field(default=32 * 2**20, ge=1024)
    """Largest request body."""

    max_image_bytes: int = Field(default=16 * 2**20, ge=1024)
    """Largest single picture file."""

    max_image_pixels: int = Field(default=50_000_000, ge=1024, le=178_000_000)
    """Largest width × height that a picture's header may state; above the limit Pillow itself refuses."""

    max_request_pixels: int = Field(default=200_000_000, ge=1024)
    """Most pixels that all pictures of a request may have together."""

    max_frames: int = Field(default=1000, ge=1)
    """Most frames or pages a picture may have, where its file says how many (GIF does not); only the first is used."""

    max_images: int = Field(default=128, ge=1, le=MOST_IMAGES)
    """Most pictures in one request."""

    worker_timeout_s: int = Field(default=30, ge=1)
    """A worker whose event loop stands still for this long is replaced; slow clients do not cause that."""

    head_timeout_s: float = Field(default=10, gt=0, le=600)
    """Time a client gets for request line and headers, from their first byte or the connection's beginning (408)."""

    body_timeout_s: float = Field(default=60, gt=0, le=3600)
    """Time a client gets for a request's body, from the end of its headers (408)."""

    answer_timeout_s: float = Field(default=30, gt=0, le=3600)
    """Time in which a client must take a part of its answer; then its connection is closed."""

    max_held_bytes: int = Field(default=128 * 2**20, ge=2**20)
    """Bytes that the bodies of a worker's requests may have together; beyond it the largest body that is not whole
    is refused (429)."""

    drain_delay_s: float = Field(default=0, ge=0, le=600)
    """Time after SIGTERM in which /readyz already answers 503 and new connections are still served."""

    drain_timeout_s: int = Field(default=25, ge=1)
    """Time that accepted requests get to finish after SIGTERM and the delay; together below Kubernetes' 30 s."""

    log_format: logs.Format = "auto"
    """`json`: one object a line; `text`: for people; `auto`: text on a terminal, else JSON."""

    log_level: logs.Level = "info"
    """Least level that is logged; `debug` also logs the requests to probes and metrics."""

    api_keys_file: Path | None = None
    """File of hashed keys, see `python -m service key`; without it everybody may ask everything."""

    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose pages may ask, with commas between them; `*` for every one."""

    @field_validator("host")
    @classmethod
    def _is_host(cls, host: str) -> str:
        if not _HOST.fullmatch(host):
            raise ValueError("a host name or an address without brackets, such as 127.0.0.1 or ::1")
        return host

    @field_validator("max_held_bytes")
    @classmethod
    def _holds_a_request(cls, held: int, info: ValidationInfo) -> int:
        if held < (least := info.data.get("max_request_bytes", 0)):
            raise ValueError(f"a whole number from {least}, which is SQUINT_MAX_REQUEST_BYTES: a request must fit in")
        return held

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        origins = tuple(filter(None, re.split(r"[\s,]+", value))) if isinstance(value, str) else value
        if not all(_ORIGIN.fullmatch(origin) for origin in origins):
            raise ValueError(_ORIGINS)
        return origins

    @property
    def open_to_others(self) -> bool:
        """Whether other machines may reach the service, and nothing asks who they are."""
        return self.api_keys_file is None and self.host not in ("127.0.0.1", "::1", "localhost")

    @property
    def computing_threads(self) -> int:
        """How many threads of one worker may compute at once: the allotted cores, shared by the workers."""
        return max(1, allotted_cores() // self.workers)


def read_settings() -> Settings:
    """The settings of this environment; raises SettingsFault naming the first wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        own = first.get("ctx", {}).get("error") if first["type"] == "value_error" else None
        told = own or _allowed(Settings.model_fields[name])
        raise SettingsFault(f"{PREFIX}{name.upper()}={first.get('input')!r}: allowed is {told}") from error


def misspelt() -> dict[str, str]:
    """Variables of this environment that are no setting and much like one, and which."""
    names = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    strange = [name for name in os.environ if name.startswith(PREFIX) and name not in names]
    return {name: like[0] for name in strange if (like := difflib.get_close_matches(name, names, 1, _ALIKE))}


def _allowed(field: FieldInfo) -> str:
    """What a setting may be, in words."""
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(get_args(field.annotation))
    if field.annotation not in (int, float):
        return _WORDS[field.annotation]
    bounds = {name: getattr(one, name) for one in field.metadata for name in _BOUNDS if hasattr(one, name)}
    words = "a whole number" if field.annotation is int else "a number"
    return words + "".join(f" {_BOUNDS[name]} {bound}" for name, bound in bounds.items())


class SettingDoc(NamedTuple):
    """A setting in words: its environment variable, default, allowed values, and what it is for."""

    variable: str
    default: str
    allowed: str
    meaning: str


def documented() -> Iterator[SettingDoc]:
    """Every setting, in the order of `Settings`."""
    for name, field in Settings.model_fields.items():
        yield SettingDoc(
            f"{PREFIX}{name.upper()}", _default(field), _allowed(field), " ".join((field.description or "").split())
        )


def _default(field: FieldInfo) -> str:
    # A default that is computed is told in the description.
    if field.default is PydanticUndefined:
        return "computed"
    return "none" if field.default in (None, ()) else str(field.default)


def as_markdown() -> str:
    """A table for the documentation."""
    lines = ["| variable | default | allowed | |", "|---|---|---|---|"]
    lines += [f"| `{one.variable}` | {one.default} | {one.allowed} | {one.meaning} |" for one in documented()]
    return "\n".join(lines) + "\n"


def as_pairs() -> list[tuple[str, str]]:
    """Each variable, and the rest in a sentence."""
    return [(one.variable, f"{one.meaning} [{one.allowed}; default: {one.default}]") for one in documented()]
