"""The small stream of a camera is read where it can be, else the main one."""

from monitor.ingest.status import SourceSettings, StreamInfo
from monitor.ingest.streams import Streams

MAIN, SMALL = "rtsp://10.0.4.17/main", "rtsp://10.0.4.17/small"
BOTH = SourceSettings(camera="dock", url=MAIN, substream_url=SMALL)
INFO = StreamInfo("rtsp", "h264", 640, 360)


def test_the_small_stream_comes_first_and_again_while_it_gives_pictures() -> None:
    streams = Streams(BOTH)
    for _ in range(3):
        assert streams.now(BOTH).url == SMALL
        assert streams.noted(INFO) == INFO
        streams.gave()


def test_where_it_gives_no_picture_the_main_stream_is_read_and_that_is_said() -> None:
    streams = Streams(BOTH)
    assert streams.now(BOTH).url == SMALL
    assert streams.now(BOTH).url == MAIN
    assert "sub-stream" in streams.noted(INFO).note
    streams.gave()
    assert streams.now(BOTH).url == SMALL, "it is tried again"
    assert streams.now(BOTH).url == MAIN


def test_a_camera_with_one_stream_has_nothing_to_choose() -> None:
    alone = SourceSettings(camera="dock", url=MAIN)
    streams = Streams(alone)
    assert streams.now(alone) is alone
    assert streams.noted(INFO) == INFO
