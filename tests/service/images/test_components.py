"""Parts of a mask are told apart as a plain flood fill tells them."""

import numpy as np
import pytest

from service.images import components
from service.images.components import Components, Mask

Box = tuple[int, int, int, int]


def mask_of(*rows: str) -> Mask:
    return np.array([[pixel == "#" for pixel in row] for row in rows], bool)


def boxes(parts: Components) -> list[Box]:
    """Top, bottom, left and right of each part."""
    edges = (parts.tops, parts.bottoms, parts.lefts, parts.rights)
    return [(int(top), int(bottom), int(left), int(right)) for top, bottom, left, right in zip(*edges, strict=True)]


def flooded(mask: Mask) -> list[set[tuple[int, int]]]:
    """The parts as sets of pixels, one pixel after the other."""
    left = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    parts = []
    while left:
        part, edge = set(), [left.pop()]
        while edge:
            row, column = edge.pop()
            part.add((row, column))
            beside = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= beside
            edge += beside
        parts.append(part)
    return parts


def spiral(side: int) -> Mask:
    """One line, one pixel wide, from a corner to the middle, with one pixel of ground between its turns."""
    mask = np.zeros((side, side), bool)
    (row, column), (down, right), steps = (0, 0), (0, 1), [side - 1, *np.repeat(np.arange(side - 1, 0, -2), 2)]
    mask[0, 0] = True
    for length in steps:
        for _ in range(int(length)):
            row, column = row + down, column + right
            mask[row, column] = True
        down, right = right, -down
    return mask


def assert_as_flooded(mask: Mask) -> None:
    parts, stated = components.find(mask), flooded(mask)
    labels = [{parts.labels[pixel] for pixel in part} for part in stated]
    assert all(len(one) == 1 for one in labels) and len(set().union(*labels)) == len(stated) == len(parts.areas)
    assert ((parts.labels > 0) == mask).all()
    for label, part in zip((one.pop() for one in labels), stated, strict=True):
        rows, columns = zip(*part, strict=True)
        assert parts.areas[label - 1] == len(part)
        assert boxes(parts)[label - 1] == (min(rows), max(rows) + 1, min(columns), max(columns) + 1)


def test_two_parts_are_told_apart() -> None:
    parts = components.find(mask_of("##..", "#..#", "...#"))
    assert parts.areas.tolist() == [3, 2] and boxes(parts) == [(0, 2, 0, 2), (1, 3, 3, 4)]
    assert parts.labels.tolist() == [[1, 1, 0, 0], [1, 0, 0, 2], [0, 0, 0, 2]]


def test_pixels_that_touch_at_a_corner_hang_together() -> None:
    for mask in (mask_of("#..", ".#.", "..#"), mask_of("..#", ".#.", "#.."), mask_of("#.#", ".#.")):
        assert len(components.find(mask).areas) == 1


def test_a_part_may_meet_only_in_its_last_row() -> None:
    assert components.find(mask_of("#.#.#", "#.#.#", "#####")).areas.tolist() == [11]
    assert components.find(mask_of("#.#.#", "#.#.#", "###.#")).areas.tolist() == [7, 3]


def test_the_end_of_a_row_does_not_touch_the_start_of_the_next() -> None:
    assert components.find(mask_of("...#", "#...")).areas.tolist() == [1, 1]
    assert components.find(mask_of("..#", "...", "#..")).areas.tolist() == [1, 1]


@pytest.mark.parametrize("side", [9, 61, 161])
def test_a_spiral_is_one_part(side: int) -> None:
    mask = spiral(side)
    parts = components.find(mask)
    assert parts.areas.tolist() == [mask.sum()] and boxes(parts) == [(0, side, 0, side)]
    # One pixel less in the middle of the line, and it is two.
    row, column = np.argwhere(mask)[mask.sum() // 3]
    mask[row, column] = False
    assert_as_flooded(mask)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (1, 40)])
def test_an_empty_mask_has_no_parts(shape: tuple[int, int]) -> None:
    parts = components.find(np.zeros(shape, bool))
    assert parts.areas.size == 0 and not parts.labels.any() and boxes(parts) == []
    assert not parts.only(np.zeros(0, bool)).any() and components.along_edge(parts).size == 0


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (40, 1)])
def test_a_full_mask_is_one_part(shape: tuple[int, int]) -> None:
    parts = components.find(np.ones(shape, bool))
    assert parts.areas.tolist() == [shape[0] * shape[1]] and boxes(parts) == [(0, shape[0], 0, shape[1])]


@pytest.mark.parametrize("density", [0.1, 0.3, 0.45, 0.6, 0.9])
def test_random_masks_are_parted_as_a_flood_fill_does(density: float) -> None:
    random = np.random.default_rng(round(100 * density))
    for _ in range(20):
        assert_as_flooded(random.random(random.integers(1, 30, 2)) < density)


def test_only_gives_the_mask_of_the_chosen_parts() -> None:
    mask = mask_of("#..#", "...#", "....", "##..")
    parts = components.find(mask)
    assert (parts.only(np.array([False, True, False])) == mask_of("...#", "...#", "....", "....")).all()
    assert (parts.only(np.ones(3, bool)) == mask).all()


def test_a_part_lies_along_the_edge_only_if_much_of_its_side_does() -> None:
    along = np.zeros((40, 40), bool)
    along[:30, 0:4] = True  # a shadow
    along[20, 10:40] = True  # a stroke that ends at the edge
    along[30:38, 20:28] = True  # in the middle
    assert components.along_edge(components.find(along)).tolist() == [True, False, False]


@pytest.mark.parametrize("turns", range(4))
def test_every_edge_counts(turns: int) -> None:
    mask = np.zeros((30, 20), bool)
    mask[0, 3:17] = True
    assert components.along_edge(components.find(np.rot90(mask, turns))).tolist() == [True]


def test_a_single_pixel_does_not_lie_along_the_edge() -> None:
    assert components.along_edge(components.find(mask_of("...", "..#"))).tolist() == [False]


def test_a_box_is_drawn_around_all_parts() -> None:
    assert components.box(mask_of("....", ".#..", "...#")) == (slice(1, 3), slice(1, 4))
    assert components.box(mask_of("#")) == (slice(0, 1), slice(0, 1))


def test_the_box_of_an_empty_mask_is_all_of_it() -> None:
    assert np.zeros((3, 4))[components.box(np.zeros((3, 4), bool))].shape == (3, 4)
