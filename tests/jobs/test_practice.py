"""What practice goes on from: the recordings that fit the model, and no others."""

from pathlib import Path

from support.fakes import Heard
from support.recordings import edge, meta_of, write

from agp_tui.engine.events import Note
from agp_tui.engine.job import Job
from agp_tui.imitation.dataset import open_takes
from agp_tui.jobs.practice import fitting

KEYS = ("up", "left")


def test_one_recording_that_does_not_fit_keeps_no_other_from_being_learnt_from(tmp_path: Path) -> None:
    def recorded(keys: tuple[str, ...], fps: int = 30) -> Path:
        return write(tmp_path, 20, [edge(3, "up", True)], meta=meta_of(keys=keys, fps=fps))

    good, turned = recorded(KEYS), recorded(KEYS[::-1])
    more, slow, broken = recorded((*KEYS, "space")), recorded(KEYS, fps=15), recorded(KEYS)
    (broken / "frames.mkv").write_bytes(b"")
    heard = Heard()
    found = fitting([more, good, slow, broken, turned], KEYS, 30, Job(heard))
    assert found == [good, turned]
    notes = [event for event in heard.events if isinstance(event, Note)]
    assert [note.level for note in notes] == ["info", "info", "warning"]
    for note, path in zip(notes, (more, slow, broken), strict=True):
        assert str(path) in note.text
    takes = open_takes(found, game="box", keys=KEYS, fps=30, frame_size=32, lead=1)
    assert [take.labels[:, 0].sum() for take in takes] == [17, 17]
