# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Video files are read to their end, each picture with its own time."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from video_files import box_at, encoded, steady

from psg_ros.media import MediaError, VideoWriter, open_media

CASES = Path(__file__).parents[2].parent / "shared" / "cases"

PAUSE = [0.0, 0.1, 0.2, 1.7, 1.8, 4.0]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def left_edge(image_rgb: np.ndarray) -> int:
    """Return where the red box of `box_at` begins."""
    return int(np.argmax(image_rgb[24, :, 0] > 100))


def test_what_is_written_is_read_back_with_its_times(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", 15.0) as writer:
        for index in range(20):
            writer.write(box_at(index), index / 15)
    media = open_media(tmp_path / "v.mp4")
    frames = list(media.frames())
    assert (media.kind, media.num_frames, len(frames)) == ("video", 20, 20)
    assert media.rate_hz == pytest.approx(15)
    assert [f.index for f in frames[:3]] == [0, 1, 2]
    assert frames[15].time_s == pytest.approx(1.0)
    assert [f.stamp_ns for f in frames] == [round(f.time_s * 1e9) for f in frames]
    assert np.abs(frames[7].image.astype(int) - box_at(7)).mean() < 4


def test_every_pass_starts_from_the_first_frame(tmp_path: Path) -> None:
    media = open_media(written(tmp_path / "v", encoded("mpeg4", "mp4", steady(5))))
    first, again = next(media.frames()), next(media.frames())
    np.testing.assert_array_equal(first.image, again.image)


@pytest.mark.parametrize(
    ("codec", "container"),
    [
        ("libx264", "mp4"),
        ("mpeg4", "matroska"),
        ("libvpx", "webm"),
        ("mpeg4", "avi"),
        ("libx264", "mpegts"),
        ("apng", "apng"),
    ],
)
def test_pictures_keep_their_own_times_in_every_container(
    tmp_path: Path, codec: str, container: str
) -> None:
    pixels = "rgb24" if codec == "apng" else "yuv420p"
    path = written(tmp_path / "pause", encoded(codec, container, PAUSE, pixels=pixels))
    frames = list(open_media(path).frames())
    assert [frame.time_s for frame in frames] == pytest.approx(PAUSE, abs=0.002)
    edges = [left_edge(frame.image) for frame in frames]
    assert edges == pytest.approx([2 * i for i in range(len(PAUSE))], abs=1)


def test_a_title_that_is_not_utf8_does_not_matter(tmp_path: Path) -> None:
    content = encoded("mpeg4", "mp4", steady(2), title="caf_").replace(b"caf_", b"caf\xe9")
    assert len(list(open_media(written(tmp_path / "a", content)).frames())) == 2


def test_longer_sound_is_no_damage(tmp_path: Path) -> None:
    path = written(tmp_path / "a", encoded("mpeg4", "matroska", steady(10), sound_s=6.0))
    assert len(list(open_media(path).frames())) == 10


def test_a_stream_without_length_is_read_to_its_end(tmp_path: Path) -> None:
    raw = open_media(written(tmp_path / "a", encoded("libx264", "h264", steady(12))))
    assert raw.num_frames is None
    frames = list(raw.frames())
    assert len(frames) == 12
    assert frames[-1].time_s == pytest.approx(11 / raw.rate_hz), "the usual distance apart"


def test_a_raw_stream_cut_out_of_a_longer_one_begins_with_its_first_whole_picture(
    tmp_path: Path,
) -> None:
    head = encoded("libx264", "h264", steady(9))
    tail = encoded("libx264", "h264", steady(6))
    middle = head.index(b"\0\0\1", len(head) - 100)
    path = written(tmp_path / "a.h264", head[middle:] + tail)
    assert len(list(open_media(path).frames())) >= 6


def test_an_mp4_that_shows_only_a_part_of_its_pictures_is_whole(tmp_path: Path) -> None:
    """An edit list, as phones write it when they trim: the first 5 of 10 are not shown."""
    content = bytearray(encoded("mpeg4", "mp4", steady(10)))
    entry = content.index(b"elst") + 12  # after name, flags and count: duration, then media time
    content[entry + 4 : entry + 8] = (500).to_bytes(4, "big")
    scale = int.from_bytes(content[content.index(b"mdhd") + 16 :][:4], "big")
    content[entry + 4 : entry + 8] = (scale // 2).to_bytes(4, "big")
    content[entry : entry + 4] = (500).to_bytes(4, "big")
    frames = list(open_media(written(tmp_path / "trimmed.mp4", bytes(content))).frames())
    assert [left_edge(frame.image) for frame in frames] == pytest.approx(
        [10, 12, 14, 16, 18], abs=1
    )
    assert frames[0].time_s == 0 and frames[-1].time_s == pytest.approx(0.4)


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_phone_that_was_held_otherwise_gives_upright_pictures(
    tmp_path: Path, turned: int
) -> None:
    plain = open_media(written(tmp_path / "a", encoded("mpeg4", "mp4", steady(1))))
    phone = open_media(written(tmp_path / "b", encoded("mpeg4", "mp4", steady(1), turned=turned)))
    image = next(phone.frames()).image
    expected = np.rot90(next(plain.frames()).image, turned // 90)
    np.testing.assert_array_equal(image, expected)
    assert image.flags.c_contiguous
    reference = cv2.VideoCapture(str(tmp_path / "b")).read()[1]
    assert image.shape == reference.shape, "OpenCV turns it the same way"
    assert np.abs(image[..., ::-1].astype(int) - reference).mean() < 4


@pytest.mark.parametrize(
    ("codec", "container", "pixels", "shape"),
    [
        ("ffv1", "matroska", "yuva420p", (48, 64, 3)),
        ("ffv1", "matroska", "gray", (48, 64, 3)),
        ("ffv1", "matroska", "yuv422p10le", (47, 63, 3)),
        ("ffv1", "matroska", "gbrp16le", (1, 1, 3)),
        ("libx264", "mp4", "yuv420p10le", (48, 64, 3)),
        ("libx264", "mp4", "yuv444p", (47, 63, 3)),
        ("mjpeg", "avi", "yuvj420p", (48, 64, 3)),
    ],
)
def test_all_kinds_of_pixels_become_rgb(
    tmp_path: Path, codec: str, container: str, pixels: str, shape: tuple[int, ...]
) -> None:
    path = written(tmp_path / "v", encoded(codec, container, steady(3), pixels=pixels, shape=shape))
    frames = list(open_media(path).frames())
    assert [frame.image.shape for frame in frames] == [shape] * 3
    expected = box_at(2, shape).astype(int)
    if pixels == "gray":
        expected = np.repeat(np.rint(expected @ [0.299, 0.587, 0.114])[..., None], 3, axis=2)
    assert np.abs(frames[2].image - expected).mean() < 6


def test_colours_of_bt709_are_not_taken_for_bt601(tmp_path: Path) -> None:
    import io

    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=10, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.colorspace = 1  # BT.709
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), (20, 200, 60), np.uint8), "rgb24")
        output.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
        output.mux(stream.encode())
    image = next(open_media(written(tmp_path / "a", buffer.getvalue())).frames()).image
    assert np.abs(image.astype(int) - (20, 200, 60)).max() < 6


@pytest.mark.parametrize("suffix", [".gif", ".png", ".avif"])
def test_a_moving_picture_is_a_video(tmp_path: Path, suffix: str) -> None:
    if not hasattr(cv2, "imencodeanimation"):
        pytest.skip("this OpenCV writes no animations")
    animation = cv2.Animation()
    animation.frames = [box_at(index)[..., ::-1].copy() for index in range(3)]
    animation.durations = np.array([100, 200, 300])
    try:
        content = cv2.imencodeanimation(suffix, animation)[1].tobytes()
    except cv2.error:
        pytest.skip(f"this OpenCV writes no {suffix}")
    media = open_media(written(tmp_path / "moving.jpg", content))
    frames = list(media.frames())
    assert media.kind == "video"
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.3])
    assert [left_edge(f.image) for f in frames] == pytest.approx([0, 2, 4], abs=1)


def test_a_motion_jpeg_stream_is_a_video(tmp_path: Path) -> None:
    pictures = [cv2.imencode(".jpg", box_at(i)[..., ::-1])[1].tobytes() for i in range(4)]
    media = open_media(written(tmp_path / "a.mjpg", b"".join(pictures)))
    assert (media.kind, len(list(media.frames()))) == ("video", 4)
    assert open_media(written(tmp_path / "b.mjpg", pictures[0])).kind == "image"


@pytest.mark.parametrize("tag", [b"evc1", b"zzzz"])
def test_a_missing_codec_is_named(tmp_path: Path, tag: bytes) -> None:
    content = encoded("libx264", "mp4", steady(3)).replace(b"avc1", tag)
    with pytest.raises(ValueError, match=rf"whose codec \({tag[:3].decode()}\w?\) cannot be"):
        open_media(written(tmp_path / "a.mp4", content))


def test_a_video_of_pictures_that_are_too_large_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a", encoded("ffv1", "matroska", steady(1), shape=(1000, 1001, 3)))
    with pytest.raises(ValueError, match=r"a holds pictures that are too large: .*limit is 1 "):
        open_media(path, max_megapixels=1)
    assert len(list(open_media(path, max_megapixels=2).frames())) == 1


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    content = encoded("mpeg4", "matroska", steady(1), sound_s=1.0).replace(b"V_MPEG4", b"S_MPEG4")
    content = content.replace(b"\x83\x81\x01", b"\x83\x81\x11", 1)  # TrackType: subtitles
    with pytest.raises(ValueError, match="without a picture"):
        open_media(written(tmp_path / "a.mkv", content))


def test_a_video_cut_off_before_its_index_is_refused_at_once(tmp_path: Path) -> None:
    content = encoded("mpeg4", "mp4", steady(20))
    with pytest.raises(ValueError, match="cut.mp4 .* cannot be opened: moov atom not found"):
        open_media(written(tmp_path / "cut.mp4", content[: len(content) // 2]))


@pytest.mark.parametrize(
    ("codec", "container", "fewest"),
    [
        ("libx264", "mp4", 20),
        ("libx264", "matroska", 10),
        ("libx264", "mpegts", 20),
        ("mpeg4", "avi", 20),
        ("libvpx-vp9", "webm", 5),
    ],
)
def test_damage_in_the_middle_costs_only_what_it_hits(
    tmp_path: Path, codec: str, container: str, fewest: int
) -> None:
    content = bytearray(encoded(codec, container, steady(40), shape=(240, 320, 3), ticks_per_s=10))
    middle, length = len(content) // 2, len(content) // 10
    content[middle : middle + length] = bytes(length)
    got = []
    with pytest.raises(MediaError, match=r"bad is damaged .*: \d+ pictures could be read, "):
        for frame in open_media(written(tmp_path / "bad", bytes(content))).frames():
            got.append(frame)
    assert fewest <= len(got) < 40


@pytest.mark.parametrize(
    ("codec", "container", "pixels"),
    [
        ("libx264", "mp4", "yuv420p"),
        ("libx264", "matroska", "yuv420p"),
        ("libx264", "h264", "yuv420p"),
        ("mpeg4", "avi", "yuv420p"),
        ("mpeg4", "nut", "yuv420p"),
        ("apng", "apng", "rgb24"),
        ("gif", "gif", "rgb8"),
    ],
)
def test_changed_bytes_give_pictures_or_one_error_and_no_word_elsewhere(
    tmp_path: Path, codec: str, container: str, pixels: str, capfd
) -> None:
    whole = encoded(codec, container, steady(6, 25), pixels=pixels, ticks_per_s=25)
    rng = np.random.default_rng(0)
    for _ in range(60):
        content = np.frombuffer(whole, np.uint8).copy()
        places = rng.integers(0, len(content), rng.choice([1, 3, 30]))
        content[places] = rng.integers(0, 256, len(places))
        try:
            for frame in open_media(written(tmp_path / "a", content.tobytes())).frames():
                assert frame.image.ndim == 3
        except ValueError as error:
            assert str(tmp_path / "a") in str(error)
    assert capfd.readouterr() == ("", "")


def test_a_file_that_is_shorter_than_it_says_gives_what_is_there(tmp_path: Path) -> None:
    content = encoded("mjpeg", "avi", steady(40, 25), pixels="yuvj420p", ticks_per_s=25)
    got = []
    with pytest.raises(MediaError, match="cut.avi is damaged"):
        for frame in open_media(
            written(tmp_path / "cut.avi", content[: len(content) // 2])
        ).frames():
            got.append(frame)
    assert 10 <= len(got) <= 20
    assert all(np.abs(f.image.astype(int) - box_at(f.index)).mean() < 6 for f in got)


def test_joined_recordings_never_go_back_in_time(tmp_path: Path) -> None:
    content = encoded("libx264", "mpegts", steady(5))
    times = []
    with pytest.raises(MediaError, match="a piece is missing"):  # the counter of packets jumps
        for frame in open_media(written(tmp_path / "a.ts", 2 * content)).frames():
            times.append(frame.time_s)
    assert len(times) == 10 and times == sorted(times)
    assert np.diff(times) == pytest.approx(0.1, abs=0.05)


def test_a_playlist_is_not_followed(tmp_path: Path) -> None:
    written(tmp_path / "secret.mp4", encoded("mpeg4", "mp4", steady(2)))
    list_file = written(tmp_path / "a.mp4", b"#EXTM3U\n#EXTINF:1,\nsecret.mp4\n")
    with pytest.raises(ValueError, match="not an image, video or bag"):
        open_media(list_file)


@pytest.mark.skipif(not CASES.is_dir(), reason="no shared cases here")
@pytest.mark.parametrize(
    ("name", "num_frames"),
    [
        ("video_longer_sound/sound.mkv", 50),
        ("video_without_length/browser.webm", 20),
        ("video_without_length/pi.h264", 50),
        ("video_codec_missing/av1.mp4", 10),
        ("video_name_with_colon/2026-01-02T10:20:30.mp4", 5),
    ],
)
def test_recordings_that_were_called_damaged_are_read(name: str, num_frames: int) -> None:
    frames = list(open_media(CASES / name).frames())
    assert len(frames) == num_frames
    times = [frame.time_s for frame in frames]
    assert times == sorted(set(times))
