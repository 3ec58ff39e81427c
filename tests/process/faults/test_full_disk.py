"""A real disk that somebody else fills while it is written to: whatever was written before stays usable."""

from pathlib import Path

from support.fault_counts import log_faults
from support.full_disk import run_on_small_disk
from support.paths import ROOT

RECORDS = """
import os, shutil, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support.recordings import edge, frame_at, meta_of, picture
from agp_tui.errors import RecordingError
from agp_tui.recording.store import Recording, RecordingWriter, find_recordings
from agp_tui.recording import repair

root, size = Path(sys.argv[1]), (256, 256)

def fill(left):
    with (root / "filler").open("ab", buffering=0) as filler:
        while shutil.disk_usage(root).free > left:
            filler.write(bytes(4096))

def write():
    writer = RecordingWriter.create(root, meta_of(size=size))
    try:
        for number in range(10_000):
            writer.edge(edge(number - 0.5, "up", number % 10 == 0))
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
for count, found in enumerate(recording.frames(), start=1):
    assert (found == picture(count - 1, size)).all()
assert recording.key_states()[:, 0].tolist() == [number % 10 == 0 for number in range(count)]
fill(0)
try:
    repair.repair(path)
except RecordingError as error:
    print(error)
assert len(Recording.open(path)) == count
(root / "filler").unlink()
print("sound", count, repair.repair(path).frames)
"""


def test_a_recording_is_used_as_far_as_the_disk_took_it(tmp_path: Path) -> None:
    ran = run_on_small_disk(tmp_path, 6, RECORDS, tmp_path, ROOT / "tests")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    full, repair, sound = ran.stdout.splitlines()
    assert full.startswith("No space left on device ")
    written, (kept, repaired) = int(full.split()[-1]), map(int, sound.split()[1:])
    assert 21 <= written - 2 <= kept == repaired <= written + 1
    assert "Expected to write the repaired recording" in repair and "untouched" in repair
    log_faults("a disk that fills up in a recording and in its repair", trials=1)


DECODES = """
import shutil, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support.recordings import meta_of, write
from agp_tui.errors import RecordingError
from agp_tui.imitation.frame_cache import decoded_frames
from agp_tui.recording.store import Recording
root = Path(sys.argv[1])
recording = Recording.open(write(root, 200, meta=meta_of(size=(48, 64))))

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


def test_a_training_whose_disk_fills_up_says_so(tmp_path: Path) -> None:
    """Not by a signal: a map of a file that finds no room ends its process."""
    ran = run_on_small_disk(tmp_path, 16, DECODES, tmp_path, ROOT / "tests")
    assert ran.returncode == 0, (ran.returncode, ran.stdout, ran.stderr)
    refused, left, shape = ran.stdout.splitlines()
    assert "No space left on device" in refused and "free some of the disk" in refused
    assert left == "[]" and shape == "(200, 128, 128, 3)"
    log_faults("a disk that fills up in a training", trials=1)
