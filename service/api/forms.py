"""Forms (multipart/form-data): files and texts, each with a name, in one body."""

import re
from typing import NamedTuple

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser
from werkzeug.http import parse_options_header

from service.api.problems import RequestFault, TooManyParts

_MOST_HEADERS = 8
# Each byte of a part's head as one character, whatever the client's encoding.
_HEAD_CHARSET = "latin-1"
# A file name however it is written, for what the parsers of the standards' grammar do not take for one.
_ANY_FILENAME = re.compile(r';\s*filename\*?\s*=\s*"?([^";]*)', re.IGNORECASE)


class Part(NamedTuple):
    """One file or text; a text has no file name, a file may have an empty one."""

    name: str
    filename: str | None
    data: bytes


def read(body: bytes, boundary: str, most_parts: int) -> list[Part]:
    """The parts of a whole form in their order; raises RequestFault or TooManyParts.

    By `multipart` and not by Werkzeug's own parser, which takes six times as long.
    """
    parts, pieces = list[Part](), list[bytes]()
    try:
        with PushMultipartParser(
            boundary, max_header_count=_MOST_HEADERS, max_segment_count=most_parts, header_charset=_HEAD_CHARSET
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
        raise TooManyParts(f"the form has more than {most_parts} parts, or one with too long a head") from error
    except MultipartError as error:
        raise RequestFault("bad_form", f"the form cannot be read: {error.args[0]}; is the body complete?") from error
    return parts


def _with_empty_parts_ended(body: bytes, boundary: bytes) -> bytes:
    """Some clients, Werkzeug's for tests among them, write no line break between an empty file and a boundary."""
    if b"\r\n\r\n--" + boundary not in body:
        return body
    delimiter = re.escape(b"--" + boundary)
    head = rb"(%b\r\n(?:[^\r\n]+\r\n){1,%d}\r\n)(?=%b)" % (delimiter, _MOST_HEADERS, delimiter)
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
    return _printable(head.encode(_HEAD_CHARSET).decode(errors="replace"))


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
