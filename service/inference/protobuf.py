"""Protocol buffers' wire format, as far as it takes to look into a file without the library that wrote it."""

from collections.abc import Iterator

# What a tag's low three bits say of the value that follows it.
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_MOST_VARINT_BYTES = 10


class Malformed(Exception):
    """The bytes are no message."""


class Message:
    """The fields of a message that are messages or text; numbers are passed over.

    Fields are named by their number in the schema. One that stands there several times counts every time, as a repeated
    one does: what a reader would merge or overwrite is then seen all the same.
    """

    def __init__(self, content: memoryview) -> None:
        self._fields: dict[int, list[memoryview]] = {}
        for number, value in _fields(content):
            self._fields.setdefault(number, []).append(value)

    def __contains__(self, field: int) -> bool:
        return field in self._fields

    def messages(self, field: int) -> Iterator["Message"]:
        """The messages in a field; raises Malformed."""
        return (Message(value) for value in self._fields.get(field, ()))

    def texts(self, field: int) -> list[str]:
        """The text in a field; raises Malformed where it is none."""
        try:
            return [str(value, "utf-8") for value in self._fields.get(field, ())]
        except UnicodeDecodeError as error:
            raise Malformed(f"field {field} is no text") from error


def _fields(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of every field that has a length."""
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        kind, length = tag & 7, 0
        if kind == _VARINT:
            _, at = _varint(content, at)
        elif kind == _BYTES:
            length, at = _varint(content, at)
            yield tag >> 3, content[at : at + length]
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise Malformed(f"a value of kind {kind}")
        at += length
    if at > len(content):
        raise Malformed("it ends in the middle of a value")


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and where it ends."""
    value = 0
    for index, byte in enumerate(content[at : at + _MOST_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise Malformed("it ends in the middle of a number")
