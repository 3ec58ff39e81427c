"""Tests of a full disk: the data written before remains usable."""

from pathlib import Path

from support.fault_counts import log_faults
from support.full_disk import run_on_small_disk
from support.paths import ROOT

RECORD_SCRIPT = """
import os, shutil, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support.recordings import frame_at, frame_pixels, key_edge, recording_meta
from agp_tui.errors import RecordingError
from agp_tui.recording.store import Recording, RecordingWriter, find_recordings
from agp_tui.recording import repair

root, size = Path(sys.argv[1]), (256, 256)

def fill(free_bytes):
    with (root / "filler").open("ab", buffering=0) as filler:
        while shutil.disk_usage(root).free > free_bytes:
            filler.write(bytes(4096))

def write():
    writer = RecordingWriter.create(root, recording_meta(size=size))
    try:
        for number in range(10_000):
            writer.edge(key_edge(number - 0.5, "up", number % 10 == 0))
            writer.frame(frame_at(number, size=size))
            if number == 20:
                fill(300_000)
    except OSError as error:
        print(error.strerror, writer.frames, flush=True)
    try:
        writer.close()
    except OSError:
        pass

if os.fork() == 0:
    write()
    os._exit(0)
os.wait()
(path,) = find_recordings(root)
recording = Recording.open(path)
count = 0
for count, pixels in enumerate(recording.frames(), start=1):
    assert (pixels == frame_pixels(count - 1, size)).all()
assert recording.key_states()[:, 0].tolist() == [number % 10 == 0 for number in range(count)]
fill(0)
try:
    repair.repair(path)
except RecordingError as error:
    print(error)
assert len(Recording.open(path)) == count
(root / "filler").unlink()
print("complete", count, repair.repair(path).frames)
"""


def test_recording_on_full_disk_is_readable_up_to_the_last_written_frame(tmp_path: Path) -> None:
    ran = run_on_small_disk(tmp_path, 6, RECORD_SCRIPT, tmp_path, ROOT / "tests")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    disk_full, repair, complete = ran.stdout.splitlines()
    assert disk_full.startswith("No space left on device ")
    written, (readable, repaired) = int(disk_full.split()[-1]), map(int, complete.split()[1:])
    assert 21 <= written - 2 <= readable == repaired <= written + 1
    assert "Expected to write the repaired recording" in repair and "untouched" in repair
    log_faults("a disk that fills up in a recording and in its repair", trials=1)


DECODE_SCRIPT = """
import shutil, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support.recordings import recording_meta, write_recording
from agp_tui.errors import RecordingError
from agp_tui.imitation.frame_cache import decoded_frames
from agp_tui.recording.store import Recording
root = Path(sys.argv[1])
recording = Recording.open(write_recording(root, 200, meta=recording_meta(size=(48, 64))))

def fill(done):
    with (root / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass

try:
    decoded_frames(recording, 128, fill)
except RecordingError as error:
    print(error)
print([file.name for file in (recording.path / ".cache").iterdir()])
(root / "filler").unlink()
print(decoded_frames(recording, 128).shape)
"""


def test_frame_cache_on_full_disk_raises_error_instead_of_bus_error(tmp_path: Path) -> None:
    """A write to a memory map without free disk space would end the process with SIGBUS."""
    ran = run_on_small_disk(tmp_path, 16, DECODE_SCRIPT, tmp_path, ROOT / "tests")
    assert ran.returncode == 0, (ran.returncode, ran.stdout, ran.stderr)
    error, cache_files, shape = ran.stdout.splitlines()
    assert "No space left on device" in error and "free some of the disk" in error
    assert cache_files == "[]" and shape == "(200, 128, 128, 3)"
    log_faults("a disk that fills up in a training", trials=1)
