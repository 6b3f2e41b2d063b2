"""Tensors in JSON and in their binary layout."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.open_inference import tensors
from service.api.problems import RequestFault

NUMBERS = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)


def test_nested_and_flat_data_are_the_same_tensor() -> None:
    for data in (NUMBERS.tolist(), NUMBERS.ravel().tolist()):
        assert np.array_equal(tensors.pixels_of_json(data, [2, 3, 2]), NUMBERS)


@pytest.mark.parametrize(
    "data",
    [[], [1], [1, 2, 3, 4, 5], [[1, 2], [3]], [[1, 2], 3], [1, [2, 3]], [[[1], [2]], [[3], [4]]], [[1, 2, 3, 4]],
     [[1, 2], {}], [[[1, 2], [3, 4]]]],
)  # fmt: skip
def test_data_of_another_shape_is_refused(data: list[Any]) -> None:
    with pytest.raises(RequestFault, match=r"\[2, 2\]"):
        tensors.pixels_of_json(data, [2, 2])


@pytest.mark.parametrize("wrong", [256, -1, 1.0, 0.5, True, None, "1", {}, 2**70, float("nan")])
def test_what_is_no_uint8_is_refused(wrong: object) -> None:
    with pytest.raises(RequestFault, match="from 0 to 255"):
        tensors.pixels_of_json([0, wrong], [2, 1])


def test_bytes_are_laid_out_as_the_protocol_says() -> None:
    assert tensors.packed([b"ab", b"", b"c"]) == b"\x02\0\0\0ab\0\0\0\0\x01\0\0\0c"


@given(st.lists(st.binary(max_size=9), max_size=9))
def test_what_is_packed_can_be_unpacked(strings: list[bytes]) -> None:
    assert tensors.unpacked(tensors.packed(strings), len(strings)) == strings


@given(st.binary(max_size=60) | st.lists(st.integers(0, 9).map(lambda n: struct.pack("<I", n))).map(b"".join),
       st.integers(0, 9))  # fmt: skip
def test_any_bytes_are_a_tensor_or_a_fault(raw: bytes, count: int) -> None:
    try:
        strings = tensors.unpacked(raw, count)
    except RequestFault:
        return
    assert len(strings) == count and tensors.packed(strings) == raw


@pytest.mark.parametrize("raw", [b"\x03\0\0", b"\x03\0\0\0ab", b"\xff\xff\xff\xff", b"\x01\0\0\0ab", b""])
def test_a_length_that_does_not_fit_is_a_fault(raw: bytes) -> None:
    with pytest.raises(RequestFault, match=r"cut short|follow"):
        tensors.unpacked(raw, 1)


def test_floats_are_little_endian_row_by_row() -> None:
    values = np.array([[1, 2], [3, 4]], np.float32)
    assert tensors.raw_floats(values.T) == struct.pack("<4f", 1, 3, 2, 4)


def test_classes_come_the_highest_first_and_the_first_of_equal_ones() -> None:
    values = np.array([[0.25, 0.5, 0.25], [0.0000799, 0, 1]], np.float32)
    assert tensors.classified(values, ["a", "b:c", "d"], 2) == ["0.5:1:b:c", "0.25:0:a", "1.0:2:d", "0.0000799:0:a"]


def test_no_more_classes_come_than_there_are() -> None:
    assert len(tensors.classified(np.zeros((2, 3), np.float32), ["a", "b", "c"], 2**62)) == 6
