# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The temperature that the kernel tells, and whether the machine slows down for it."""

import pytest

from psg_ros.ros.temperature import hottest


@pytest.fixture
def zones(tmp_path):
    """Return a function that writes a thermal zone as Linux shows it."""

    def write(number, name, temp, **trips):
        folder = tmp_path / f"thermal_zone{number}"
        folder.mkdir()
        (folder / "type").write_text(f"{name}\n")
        (folder / "temp").write_text(f"{temp}\n")
        for index, (kind, limit) in enumerate(trips.items()):
            (folder / f"trip_point_{index}_type").write_text(f"{kind}\n")
            (folder / f"trip_point_{index}_temp").write_text(f"{limit}\n")
        return tmp_path

    return write


def test_without_sensors_nothing_is_told(tmp_path):
    assert hottest(tmp_path) is None and hottest(tmp_path / "nowhere") is None


def test_the_hottest_zone_is_told_with_the_lowest_limit_that_slows_down(zones):
    zones(0, "cpu-thermal", 51200, active=40000, passive=95000, critical=105000)
    found = hottest(zones(1, "gpu-thermal", 48000))
    assert (found.zone, found.celsius, found.limit_celsius) == ("cpu-thermal", 51.2, 95.0)
    assert not found.throttles


def test_a_zone_beyond_its_limit_goes_before_a_hotter_one_without(zones):
    zones(0, "battery", 99000)
    found = hottest(zones(1, "gpu-thermal", 96000, passive=95000))
    assert found.zone == "gpu-thermal" and found.throttles


@pytest.mark.parametrize("text", ["", "asleep", "-274000x"])
def test_a_sensor_that_cannot_be_read_is_left_out(zones, text):
    folder = zones(0, "cpu", 50000)
    (zones(1, "odd", 99000) / "thermal_zone1" / "temp").write_text(text)
    assert hottest(folder).zone == "cpu"


def test_limits_that_are_not_set_count_for_nothing(zones):
    assert hottest(zones(0, "cpu", 50000, passive=0, critical=-274000)).limit_celsius is None
