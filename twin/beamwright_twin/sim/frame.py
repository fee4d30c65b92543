"""Frames of a simulated camera: pictures that show their own number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIGITS: Final = 4
"""Pixels at the start of a frame that hold its number, 100 in each, the lowest two digits first."""

TYPES: Final = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
"""What areaDetector's data types are, in the order of its menu."""

MONO, RGB1 = "Mono", "RGB1"
"""The color modes that frames are drawn in; any other gives those of `Mono`."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    :param number: from 1 on, since the counter of the camera was 0.
    :param time: the simulated second at which its exposure ended.
    :param stamp: the same moment in seconds since 1990, as EPICS counts.
    :param pixels: rows of columns, and of red, green and blue where `color` is RGB1.
    :param tags: its attributes.
    """

    number: int
    time: float
    stamp: float
    pixels: NDArray[Any]
    color: str = MONO
    tags: Mapping[str, Tag] = field(default_factory=dict)

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The sizes as areaDetector lists them, the fastest first."""
        return tuple(reversed(self.pixels.shape))


def draw(number: int, shape: tuple[int, ...], dtype: str, start: tuple[int, int] = (0, 0)) -> NDArray[Any]:
    """Draw a frame: a slope that moves by a pixel from frame to frame, and its number in the first pixels.

    Before the number is put in, the pixel in row r and column c of the sensor is `(r + c + number) % 100`.

    :param shape: rows, columns, and 3 where every pixel has three colors.
    :param start: the row and the column of the sensor that the frame starts at.
    """
    import numpy as np

    # A row is a stretch of one long slope, so that drawing is copying.
    slope = (np.arange(shape[0] + shape[1]) + (number + sum(start))) % 100
    rows = np.lib.stride_tricks.sliding_window_view(slope.astype(dtype), shape[1])[: shape[0]]
    pixels = np.array(rows if len(shape) == 2 else np.repeat(rows[:, :, None], shape[2], axis=2))
    flat = pixels.reshape(-1)
    for digit in range(min(DIGITS, flat.size)):
        flat[digit] = number // 100**digit % 100
    return pixels


def frame_number(pixels: NDArray[Any]) -> int:
    """Read the number of a frame from its first pixels, as they are in a file.

    :param pixels: a frame of any shape and type, whose corner no region cut off.
    """
    return sum(int(pixel) * 100**digit for digit, pixel in enumerate(pixels.reshape(-1)[:DIGITS]))


class Tag(NamedTuple):
    """The value of an attribute of one frame.

    :param dtype: numpy's name of its type.
    """

    value: float | str
    dtype: str
