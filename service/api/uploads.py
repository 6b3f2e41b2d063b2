"""The pictures of a request, however they were sent: multipart parts, a raw body, or base64 in JSON."""

import base64
import codecs
import re
import string
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from flask import Request
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError
from werkzeug.http import parse_options_header

from service.api import encoding
from service.api.problems import RequestFault, TooManyImages, TooManyParts
from service.manifest import first_error
from service.settings import MOST_IMAGES

FIELD = "image"
_DATA_URL_HEAD = re.compile(r"^data:[^,]*;base64,", re.IGNORECASE)
# A `data:` URL has one too, and a body may hold other keys. Parsed, a body full of values would take a gigabyte.
_COMMAS_AN_IMAGE, _OTHER_COMMAS = 2, 1000
# Besides the pictures a form may hold a few other fields.
_OTHER_PARTS, _MAX_PART_HEADERS = 8, 8
# Each byte of a part's head as one character, whatever the client's encoding.
_PART_HEAD_CHARSET = "latin-1"
# A file name however it is written, for what the parsers of the standards' grammar do not take for one.
_ANY_FILENAME = re.compile(r';\s*filename\*?\s*=\s*"?([^";]*)', re.IGNORECASE)
_EXPECTED = '{"images": ["<base64>"]}'
_BEGIN_BYTES = 64
_TEXT = frozenset(string.printable.encode())
# The types of a request whose client did not choose one: none, and curl's default.
_UNDECLARED = ("", "application/x-www-form-urlencoded")


class Upload(NamedTuple):
    """The bytes of one file, and its name if it had one."""

    data: bytes
    name: str | None


class Part(NamedTuple):
    """One file or text; a text has no file name, a file may have an empty one."""

    name: str
    filename: str | None
    data: bytes


class PredictBody(BaseModel):
    """`{"images": ["<base64>", …]}`; a `data:` URL's head is allowed before the base64, other keys are ignored."""

    # Forbidden keys would each be listed as a fault: a body full of them costs seconds.
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    images: Annotated[list[str], Field(min_length=1, max_length=MOST_IMAGES), FailFast()]


def read(request: Request, max_images: int, max_bytes: int) -> list[Upload]:
    """The request's pictures in the order they were sent, at least one.

    Raises RequestFault or TooManyImages. The Content-Type says how the pictures are wrapped, never what they are: any
    type but multipart and JSON is a raw body, such as the form type that `curl --data-binary` declares.
    """
    if request.mimetype == "multipart/form-data":
        boundary = request.mimetype_params.get("boundary", "")
        body = encoding.read_body(request, max_bytes)
        uploads = _from_multipart(read_form(body, boundary, max_images + _OTHER_PARTS))
    elif request.is_json:
        uploads = _from_json(encoding.read_body(request, max_bytes), max_images)
    else:
        uploads = [Upload(_picture(request, max_bytes), None)]
    check_count(len(uploads), max_images)
    return uploads


def check_count(count: int, max_images: int) -> None:
    """Raises TooManyImages if these are more than one request may hold."""
    if count > max_images:
        raise TooManyImages(f"the request has {count} images; at most {max_images} are accepted")


def _picture(request: Request, max_bytes: int) -> bytes:
    data = encoding.read_body(request, max_bytes)
    if _looks_like_json(data):  # curl -d declares a form
        raise RequestFault("wrong_type", "the body looks like JSON; send it with Content-Type: application/json")
    # A declared type means a file, if an empty one. curl sends an empty body where it finds no file.
    if not data and request.mimetype in _UNDECLARED:
        raise RequestFault(
            "no_image",
            f"the request has no body; send a picture as it is or as field {FIELD!r}; "
            "with curl, check that the file after @ exists and is not empty",
        )
    return data


def _looks_like_json(data: bytes) -> bool:
    """No picture begins so, but a broken one may begin with a bracket: then no text follows."""
    begin = data[:_BEGIN_BYTES].lstrip()
    return begin[:1] in (b"{", b"[") and _TEXT.issuperset(begin)


def _from_multipart(parts: Sequence[Part]) -> list[Upload]:
    pictures = [part for part in parts if part.name == FIELD]
    files = [part for part in pictures if part.filename is not None]
    if files:
        return [Upload(part.data, part.filename or None) for part in files]
    if pictures:
        raise RequestFault(
            "no_file", f"the field {FIELD!r} has no file name, so it is text; with curl: -F {FIELD}=@picture.png"
        )
    found = sorted({part.name for part in parts})
    if found:
        raise RequestFault("wrong_field", f"no multipart field {FIELD!r}; found: {', '.join(map(repr, found))}")
    raise RequestFault("no_image", f"the form is empty; send a picture as its field {FIELD!r}")


def _from_json(body: bytes, max_images: int) -> list[Upload]:
    if body.count(b",") > (most := _COMMAS_AN_IMAGE * max_images + _OTHER_COMMAS):
        raise TooManyImages(f"the body has more than {most} commas; {max_images} images need no more")
    try:
        images = PredictBody.model_validate_json(body.removeprefix(codecs.BOM_UTF8)).images
    except ValidationError as error:
        if error.errors()[0]["type"] == "too_long":
            raise TooManyImages(f"the request has too many images; at most {max_images} are accepted") from error
        raise RequestFault("bad_json", f"{first_error(error, 'body')}; expected {_EXPECTED}") from error
    check_count(len(images), max_images)  # before any is decoded
    return [Upload(_decoded(index, text), None) for index, text in enumerate(images)]


def _decoded(index: int, text: str) -> bytes:
    try:
        return from_base64(text)
    except ValueError as error:
        raise RequestFault("bad_base64", f"images.{index} is not base64: {error}") from error


def from_base64(text: str) -> bytes:
    """The bytes of a file in base64, which may have line breaks and the head of a `data:` URL; raises ValueError."""
    return base64.b64decode("".join(_DATA_URL_HEAD.sub("", text).split()), validate=True)


def read_form(body: bytes, boundary: str, max_parts: int) -> list[Part]:
    """The parts of a whole form in their order; raises RequestFault or TooManyParts.

    By `multipart` and not by Werkzeug's own parser, which takes six times as long.
    """
    parts, pieces = list[Part](), list[bytes]()
    try:
        with PushMultipartParser(
            boundary,
            max_header_count=_MAX_PART_HEADERS,
            max_segment_count=max_parts,
            header_charset=_PART_HEAD_CHARSET,
        ) as parser:
            for event in parser.parse(_with_empty_parts_ended(body, parser.boundary)):
                if isinstance(event, MultipartSegment):
                    head = event
                elif event is not None:
                    pieces.append(event)
                else:
                    parts.append(Part(_text(str(head.name)), _filename(head), b"".join(pieces)))
                    pieces.clear()
    except ParserLimitReached as error:
        raise TooManyParts(f"the form has more than {max_parts} parts, or one with too long a head") from error
    except MultipartError as error:
        raise RequestFault("bad_form", f"the form cannot be read: {error.args[0]}; is the body complete?") from error
    return parts


def _with_empty_parts_ended(body: bytes, boundary: bytes) -> bytes:
    """Some clients, Werkzeug's for tests among them, write no line break between an empty file and a boundary."""
    if b"\r\n\r\n--" + boundary not in body:
        return body
    delimiter = re.escape(b"--" + boundary)
    head = rb"(%b\r\n(?:[^\r\n]+\r\n){1,%d}\r\n)(?=%b)" % (delimiter, _MAX_PART_HEADERS, delimiter)
    return re.sub(head, rb"\1\r\n", body)


def _filename(head: MultipartSegment) -> str | None:
    if head.filename is not None:
        return _text(str(head.filename))
    disposition = _text(head["Content-Disposition"])
    # RFC 5987's `filename*`, which RFC 7578 does not allow in forms and some clients send.
    sent: str | None = parse_options_header(disposition)[1].get("filename")
    if sent is None and (found := _ANY_FILENAME.search(disposition)):
        sent = found[1].strip()
    return None if sent is None else _printable(sent)


def _text(head: str) -> str:
    """What a client wrote in UTF-8; of any other encoding its ASCII characters, and marks in place of the rest."""
    return _printable(head.encode(_PART_HEAD_CHARSET).decode(errors="replace"))


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
