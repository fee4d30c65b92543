"""Frames of a simulated camera: pictures that tell their own number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIGITS: Final = 4
"""Pixels at the start of a frame that hold its number, 100 in each, the lowest two digits first."""

TYPES: Final = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
"""What areaDetector's data types are, in the order of its menu."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    :param number: from 1 on, since the camera was started.
    :param time: the simulated second at which its exposure ended.
    :param stamp: seconds since 1970 at that moment.
    """

    number: int
    time: float
    stamp: float
    pixels: NDArray[Any]


def draw(number: int, height: int, width: int, data_type: int) -> NDArray[Any]:
    """Draw a frame: a slope that moves by a pixel from frame to frame, and its number in the first pixels."""
    import numpy as np

    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    pixels = ((rows + columns + number) % 100).astype(TYPES[data_type])
    flat = pixels.reshape(-1)
    for digit in range(min(DIGITS, flat.size)):
        flat[digit] = number // 100**digit % 100
    return pixels


def number_of(pixels: NDArray[Any]) -> int:
    """Read the number of a frame from its pixels."""
    return sum(int(pixel) * 100**digit for digit, pixel in enumerate(pixels.reshape(-1)[:DIGITS]))
