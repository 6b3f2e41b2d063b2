"""Where a chunked body ends."""

_LONGEST_LINE = 8192
# Each chunk costs as much as three KiB of a large one: a body of 32 MiB in single bytes, most of a minute.
_MANY, _LEAST_MEAN_BYTES = 1000, 64


class CutTooSmall(Exception):
    """A body has very many chunks, of a few bytes each."""


class Chunks:
    """Follows a body in chunks as it comes in, and keeps nothing of it.

    It only has to find the end: whatever is wrong in the body is told by the parser that reads it afterwards.
    """

    def __init__(self) -> None:
        self._skip, self._line, self._in_trailers = 0, bytearray(), False
        self.is_broken = False
        """Whether it cannot go on, though it has not ended."""
        self._number = self._size = 0

    def end_with(self, data: bytes) -> bool:
        """Whether the body ends with these next bytes, or cannot go on after them. Raises CutTooSmall."""
        position = 0
        while position < len(data):
            skipped = min(self._skip, len(data) - position)
            self._skip -= skipped
            position += skipped
            line_end = data.find(b"\n", position) + 1
            self._line += data[position : line_end or len(data)]
            if not line_end:
                self.is_broken = len(self._line) > _LONGEST_LINE
                return self.is_broken
            position = line_end
            if self._is_last(self._line.strip()):
                return True
            self._line.clear()
        return False

    def _is_last(self, line: bytearray) -> bool:
        if self._in_trailers:
            return not line
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            size = -1
        self._in_trailers = size == 0
        self._skip = size + len(b"\r\n") if size else 0
        self.is_broken = size < 0
        self._number, self._size = self._number + 1, self._size + size
        if self._number > _MANY + self._size // _LEAST_MEAN_BYTES:
            raise CutTooSmall
        return self.is_broken
