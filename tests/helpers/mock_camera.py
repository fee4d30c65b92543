"""A camera without hardware that takes frames."""

from __future__ import annotations

from typing import Any

from ophyd_async.core import callback_on_mock_put, set_mock_value
from ophyd_async.epics import adcore


def take_a_frame_on_acquire(camera: Any) -> None:
    """Have a camera in mock mode take a frame of 4 x 3 pixels, and write it, whenever its driver acquires.

    :param camera: a detector with a driver, and with a file writer `hdf5`.
    """
    set_mock_value(camera.driver.array_size_x, 4)
    set_mock_value(camera.driver.array_size_y, 3)
    set_mock_value(camera.driver.data_type, adcore.ADBaseDataType.UINT16)
    set_mock_value(camera.hdf5.file_path_exists, True)
    frames = 0

    def acquire(value: bool) -> None:
        nonlocal frames
        if value:
            frames += 1
            set_mock_value(camera.hdf5.num_captured, frames)

    callback_on_mock_put(camera.driver.acquire, acquire)
