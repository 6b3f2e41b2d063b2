"""The segments of a JPEG file; ITU-T T.81, annex B."""

import re
from collections.abc import Iterator
from typing import NamedTuple

START_OF_SCAN, END = 0xDA, b"\xff\xd9"
_END_OF_IMAGE, _COMMENT = 0xD9, 0xFE
_JFIF, _ADOBE = 0xE0, 0xEE
_APPLICATION = range(_JFIF, 0xF0)
# What libjpeg reads of them.
_JFIF_BYTES, _ADOBE_BYTES = 14, 12
# A marker that is neither a restart nor a stuffed byte of the data within a scan.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
# Markers without a length.
_ALONE = frozenset({0x01, 0xD8, _END_OF_IMAGE})


class Segment(NamedTuple):
    """A marker and what belongs to it, from `start` to `end`; the data of a scan lies behind the scan's segment."""

    kind: int
    start: int
    end: int


def segments(data: bytes) -> Iterator[Segment]:
    """The segments of the first picture, its end marker included.

    They are skipped by their length and whatever follows the end of the picture is not looked at: both may hold
    anything, such as a thumbnail or a film.
    """
    position = 2
    while marker := _MARKER.search(data, position):
        kind, after = marker.group()[1], marker.end()
        position = after if kind in _ALONE else after + max(2, int.from_bytes(data[after : after + 2]))
        yield Segment(kind, marker.start(), position)
        if kind == _END_OF_IMAGE:
            return


def scans(data: bytes, most: int) -> int:
    """The scans of the first picture, counted to just above `most`."""
    found = 0
    for segment in segments(data):
        found += segment.kind == START_OF_SCAN
        if found > most:
            break
    return found


def end_of_scans(data: bytes) -> int:
    """Where the end marker of the first picture lies; the end of the data where there is none."""
    return next((segment.start for segment in segments(data) if segment.kind == _END_OF_IMAGE), len(data))


def is_metadata(kind: int) -> bool:
    """Whether it is an application's segment or a comment."""
    return kind in _APPLICATION or kind == _COMMENT


def states_colours(kind: int, content: bytes) -> bool:
    """Whether libjpeg takes from an application's segment how to read the colours."""
    if kind == _JFIF:
        return content.startswith(b"JFIF\0") and len(content) >= _JFIF_BYTES
    return kind == _ADOBE and content.startswith(b"Adobe") and len(content) >= _ADOBE_BYTES
