#!/usr/bin/env bash
# pymediainfo 7.0.1 with the libmediainfo 24.12 of its wheel, PyAV 17.1.0, Python 3.11, x86_64.
#
# libmediainfo's option ReadByHuman=0 leaves out the texts for people ("320 pixels"). To set it with
# `MediaInfo.parse(path, mediainfo_options={"ReadByHuman": "0"})` looks like the way to a faster parse. It is the
# slowest: after each such file pymediainfo resets every option of the process, and that costs more than the parse.
# Set once on the loaded library, the option saves a third of the time. But one later parse with any option of its own
# ends that, silently, for the whole process. And the option changes types: pymediainfo takes a whole number only from
# a fact that comes more than once, so `width` is an int with the texts and a str without them.
#
# Output seen (processor time, medians of three rounds of 300 files in turns; the ratios moved by a fifth):
#   default: texts yes, width is int
#   option at each parse: texts no, width is str
#   option set once: texts no, width is str
#   set once, then another option at one parse: texts yes, width is int
#   default                1.00  (3.33 ms a file)
#   option at each parse   2.29  (7.64 ms a file)
#   option set once        0.68  (2.28 ms a file)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pymediainfo==7.0.1 av==17.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import statistics
import time

import av
from pymediainfo import MediaInfo

with av.open("video.mkv", "w") as output:
    picture, sound = output.add_stream("libx264", rate=25), output.add_stream("aac", rate=48000)
    picture.width, picture.height, picture.pix_fmt = 320, 180, "yuv420p"
    for number in range(25):
        frame = av.VideoFrame(320, 180, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([number]) * plane.buffer_size)
        output.mux(picture.encode(frame))
    for _ in range(40):
        samples = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        samples.sample_rate = 48000
        for plane in samples.planes:
            plane.update(bytes(plane.buffer_size))
        output.mux(sound.encode(samples))
    output.mux(picture.encode(None))
    output.mux(sound.encode(None))

PLAIN = {"ReadByHuman": "0"}


def set_for_all(value):
    library, handle, *_ = MediaInfo._get_library()
    library.MediaInfo_Option(handle, "ReadByHuman", value)
    library.MediaInfo_Delete(handle)


def parse(**options):
    return MediaInfo.parse("video.mkv", parse_speed=0, **options)


def video(report):
    return report.video_tracks[0].to_data()


def seen(report):
    return ("other_width" in video(report), type(video(report)["width"]).__name__)


found = {"default": seen(parse()), "option at each parse": seen(parse(mediainfo_options=PLAIN))}
set_for_all("0")
found["option set once"] = seen(parse())
parse(mediainfo_options={"File_TestContinuousFileNames": "0"})
found["set once, then another option at one parse"] = seen(parse())
for name, (has_texts, kind) in found.items():
    print(f"{name}: texts {'yes' if has_texts else 'no'}, width is {kind}")


def seconds(**options):
    began = time.process_time()
    for _ in range(300):
        parse(**options)
    return time.process_time() - began


rounds = {"default": [], "option at each parse": [], "option set once": []}
for _ in range(3):
    set_for_all("1")
    rounds["default"].append(seconds())
    rounds["option at each parse"].append(seconds(mediainfo_options=PLAIN))
    set_for_all("0")
    rounds["option set once"].append(seconds())
medians = {name: statistics.median(values) for name, values in rounds.items()}
for name, value in medians.items():
    print(f"{name:22} {value / medians['default']:.2f}  ({1000 * value / 300:.2f} ms a file)")
with_texts, without = (True, "int"), (False, "str")
assert list(found.values()) == [with_texts, without, without, with_texts], found
assert medians["option set once"] < 0.9 * medians["default"] < medians["option at each parse"]
PYTHON
