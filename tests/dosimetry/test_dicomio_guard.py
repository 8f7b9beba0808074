"""The guard gives every class of hostile file its code, survives all of them, and refuses no real file."""

import os
import zipfile
from pathlib import Path

import pytest

from dosimetry.dicomio import guard
from dosimetry.dicomio.guard import GuardUnavailableError, check_files
from dosimetry.dicomio.guard_codes import ACCEPTED, MESSAGES, GuardCode, Verdict, without_preamble
from tests.phantoms import hostile

FILES = hostile.all_files()


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory) -> dict[str, Verdict]:
    """All classes in one batch: a file that kills the child would change the verdict of the next."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = []
    for file in FILES:
        paths.append(folder / file.name)
        paths[-1].write_bytes(file.make())
    return {path.name: verdict for path, verdict in check_files(paths)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_class_gets_its_code(file, verdicts):
    verdict = verdicts[file.name]
    assert verdict.code == file.code
    assert verdict.is_accepted == file.code.startswith("ok")
    assert verdict.zero_preamble == file.name.startswith("preamble")


def test_every_code_has_a_message_that_says_what_to_do():
    assert set(MESSAGES) == set(GuardCode)
    for code in set(GuardCode) - ACCEPTED:
        assert len(MESSAGES[code]) > 40, code


def test_there_are_at_least_28_classes():
    assert len(FILES) >= 28
    assert len({file.name for file in FILES}) == len(FILES)


def test_file_names_may_hold_anything(tmp_path):
    names = ["line\nbreak", 'quote"', "back\\slash", "ünï", "spaces and 'quotes'", os.fsdecode(b"\xff\xfe")]
    paths = [tmp_path / name for name in names]
    for path in paths:
        path.write_bytes(hostile.small_ct())
    answers = list(check_files(paths))
    assert [path for path, _ in answers] == paths
    assert {verdict.code for _, verdict in answers} == {GuardCode.OK}


def test_relative_paths_are_those_of_the_caller(tmp_path, monkeypatch):
    (tmp_path / "a.dcm").write_bytes(hostile.small_ct())
    monkeypatch.chdir(tmp_path)
    assert [verdict.code for _, verdict in check_files(["a.dcm"])] == [GuardCode.OK]


def test_folders_pipes_and_missing_files_are_no_files(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    codes = [verdict.code for _, verdict in check_files([tmp_path, pipe, tmp_path / "absent"])]
    assert codes == [GuardCode.NOT_A_PLAIN_FILE] * 3


def test_a_killed_child_costs_one_verdict_only(tmp_path, monkeypatch):
    path = tmp_path / "a.dcm"
    path.write_bytes(hostile.small_ct())
    children = []
    real = guard._Child

    def remembered(**arguments):
        children.append(real(**arguments))
        return children[-1]

    monkeypatch.setattr(guard, "_Child", remembered)
    answers = check_files([path] * 4)
    codes = [next(answers)[1].code]
    children[0].process.kill()
    children[0].process.wait()
    codes += [verdict.code for _, verdict in answers]
    assert codes == [GuardCode.OK, GuardCode.LIMIT_EXCEEDED, GuardCode.OK, GuardCode.OK]
    assert len(children) == 2
    assert all(child.process.poll() is not None for child in children)


def test_one_child_serves_a_batch_and_ends_with_it(tmp_path, monkeypatch):
    path = tmp_path / "a.dcm"
    path.write_bytes(hostile.small_ct())
    started = []
    real = guard._Child
    monkeypatch.setattr(guard, "_Child", lambda **arguments: started.append(real(**arguments)) or started[-1])
    answers = check_files([path] * 5)
    next(answers)
    answers.close()
    assert len(started) == 1
    assert started[0].process.poll() is not None


def test_a_child_that_hangs_is_ended(tmp_path, monkeypatch):
    """A command that says it is ready and then sleeps stands for a parser in an endless loop."""
    script = "import sys, time; print('\"ready\"', flush=True); sys.stdin.readline(); time.sleep(600)"
    monkeypatch.setattr(guard, "CHILD_COMMAND", (guard.sys.executable, "-c", script))
    monkeypatch.setattr(guard, "GRACE_S", 0.2)
    path = tmp_path / "a.dcm"
    path.write_bytes(b"x")
    assert [verdict.code for _, verdict in check_files([path], time_per_file_s=1)] == [GuardCode.LIMIT_EXCEEDED]


def test_no_verdict_when_the_guard_cannot_start(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "CHILD_COMMAND", (guard.sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(GuardUnavailableError):
        list(check_files([tmp_path / "a.dcm"]))


def test_the_child_has_a_bare_environment_and_no_numpy(monkeypatch, tmp_path):
    monkeypatch.setenv("DJANGO_SECRET_KEY", "ZZPHI-secret")
    path = tmp_path / "a.dcm"
    path.write_bytes(hostile.small_ct())
    child = guard._Child(time_per_file_s=10)
    try:
        assert child.ask(path) == Verdict(code=GuardCode.OK)
        environment = Path(f"/proc/{child.process.pid}/environ").read_bytes()
        maps = Path(f"/proc/{child.process.pid}/maps").read_text()
        limits = Path(f"/proc/{child.process.pid}/limits").read_text()
    finally:
        child.stop()
    assert b"ZZPHI" not in environment
    assert "numpy" not in maps
    assert "SimpleITK" not in maps
    data_limit = next(line for line in limits.splitlines() if line.startswith("Max data size"))
    assert str(512 * 2**20) in data_limit


def test_verdicts_hold_no_text_of_the_file(verdicts):
    assert not any("ZZPHI" in verdict.message for verdict in verdicts.values())


def test_a_served_copy_has_an_empty_preamble(tmp_path):
    content = b"MZ".ljust(128, b"!") + hostile.small_ct()[128:]
    path = tmp_path / "copy"
    path.write_bytes(without_preamble(content))
    assert path.read_bytes()[:132] == bytes(128) + b"DICM"
    assert [verdict.code for _, verdict in check_files([path])] == [GuardCode.OK]
    assert path.read_bytes() == hostile.small_ct()


def test_no_real_file_is_refused(shared_data, tmp_path):
    """Every DICOM object of the shared data, taken out of its archives, must pass."""
    paths = []
    for number, archive_path in enumerate(sorted(shared_data.rglob("*.zip"))):
        with zipfile.ZipFile(archive_path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    if member.read(132)[128:] != b"DICM":
                        continue
                paths.append(tmp_path / f"{number}_{len(paths)}")
                paths[-1].write_bytes(archive.read(name))
    refused = {path.name: verdict.code for path, verdict in check_files(paths) if not verdict.is_accepted}
    assert len(paths) > 600
    assert refused == {}
