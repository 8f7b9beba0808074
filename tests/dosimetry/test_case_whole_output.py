"""Commands that are interrupted leave no half-written results."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dosimetry.__main__ import main
from dosimetry.case import reconstruct_command
from dosimetry.case.whole_output import UNFINISHED, whole_folder, write_whole
from dosimetry.dicomio.writing_reconstruction import write_reconstruction
from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.virtual_writer import VirtualWriter
from tests.phantoms.spect_scans import PROTOCOL, write_small_scan

PHANTOM = ["phantom", "--seed", "5", "--scans", "24", "--engine", "local", "--projections-only", "--out"]


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def interrupted_writer(monkeypatch):
    """Write something of the first scan, as the real writer does, then Ctrl+C."""

    def write_scans(writer):
        path = writer.folder / "scan_1" / "ct" / "0001.dcm"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(VirtualWriter, "write_scans", write_scans)


@pytest.mark.parametrize("place", ["out", "a/b/out"])
def test_an_interrupted_patient_leaves_nothing(interrupted_writer, tmp_path, capsys, place):
    assert main([*PHANTOM, str(tmp_path / place)]) == 130
    assert "Interrupted" in capsys.readouterr().err
    assert not names(tmp_path)


def test_an_earlier_patient_stays_as_it_is_when_the_next_is_interrupted(interrupted_writer, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "truth.json").write_text("earlier")
    assert main([*PHANTOM, str(tmp_path / "out")]) == 130
    assert names(tmp_path) == {"out", "out/truth.json"}


def test_an_interrupted_reconstruction_leaves_nothing(monkeypatch, tmp_path, capsys):
    def write(volume, *, folder, **facts):
        write_reconstruction(volume, folder=folder, **facts)
        raise KeyboardInterrupt

    monkeypatch.setattr(reconstruct_command, "write_reconstruction", write)
    write_small_scan(tmp_path / "scan")
    factor = ["--calibration", str(PROTOCOL.calibration_cps_per_bq * 1e6)]
    quick = ["--iterations", "1", "--subsets", "4", "--no-attenuation"]
    command = ["reconstruct", str(tmp_path / "scan"), "--out", str(tmp_path / "out"), *factor, *quick]
    before = names(tmp_path)
    assert main(command) == 130
    assert names(tmp_path) == before


def test_a_process_that_is_asked_to_end_leaves_nothing(tmp_path):
    """The signal of batch systems, on the real command."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "dosimetry", *PHANTOM, str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        while process.poll() is None and not any(UNFINISHED in name for name in names(tmp_path)):
            time.sleep(0.02)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    assert process.returncode == 130
    assert b"Interrupted" in said
    assert not names(tmp_path)


def test_a_new_folder_appears_at_the_end_and_an_old_one_is_added_to(tmp_path):
    out = tmp_path / "results"
    for number in (1, 2):
        with whole_folder(out) as folder:
            (folder / "deep").mkdir()
            (folder / "deep" / f"{number}.txt").write_text("new")
            (folder / "same.txt").write_text(str(number))
            assert out.exists() == (number == 2)
        assert (out / "same.txt").read_text() == str(number)
    assert names(tmp_path) == {
        "results",
        "results/deep",
        "results/deep/1.txt",
        "results/deep/2.txt",
        "results/same.txt",
    }


def test_a_file_is_no_folder_for_results(tmp_path):
    (tmp_path / "out").write_text("kept")
    with pytest.raises(InvalidInputError, match="is a file"), whole_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out").read_text() == "kept"


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "prior.json"
    path.write_text("earlier")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half \udc80")
    assert (names(tmp_path), path.read_text()) == ({"prior.json"}, "earlier")
    write_whole(path, "new")
    assert (names(tmp_path), path.read_text()) == ({"prior.json"}, "new")
