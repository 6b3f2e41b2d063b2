"""The end of a chunked body is found however it is cut."""

import pytest

from service.server.chunks import Chunks, CutTooSmall

WHOLE = b"5\r\nhello\r\nA;name=value\r\n0123456789\r\n0\r\n"


@pytest.mark.parametrize("body", [WHOLE + b"\r\n", WHOLE + b"Trailer: x\r\nOther: y\r\n\r\n", b"0\r\n\r\n"])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_only_the_last_byte_ends_a_body(body: bytes, step: int) -> None:
    chunks = Chunks()
    parts = [body[start : start + step] for start in range(0, len(body), step)]
    assert [chunks.end_with(part) for part in parts] == [False] * (len(parts) - 1) + [True]
    assert not chunks.is_broken


def test_what_looks_like_an_end_inside_a_chunk_is_none() -> None:
    chunks = Chunks()
    assert not chunks.end_with(b"7\r\n0\r\n\r\n")
    assert not chunks.end_with(b"\n\n\r\n")
    assert chunks.end_with(b"0\r\n\r\n")


def test_a_body_in_very_many_chunks_of_a_few_bytes_is_not_followed_to_its_end() -> None:
    few = Chunks()
    assert not few.end_with(b"1\r\nx\r\n" * 1000)
    with pytest.raises(CutTooSmall):
        few.end_with(b"1\r\nx\r\n" * 1000)
    large = Chunks()
    assert not any(large.end_with(b"40\r\n" + b"x" * 64 + b"\r\n") for _ in range(10_000))


@pytest.mark.parametrize("body", [b"zz\r\n", b"\r\n", b"-5\r\n", b"1" * 9000, b"0\r\n" + b"x" * 9000])
def test_what_cannot_go_on_is_left_to_the_parser(body: bytes) -> None:
    chunks = Chunks()
    assert chunks.end_with(body) and chunks.is_broken
