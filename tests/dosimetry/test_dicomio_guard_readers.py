"""Whatever the guard lets through, the readers read it or refuse it with a code: no other error."""

import random
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dosimetry.dicomio.ct import read_ct
from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.guard import check_files
from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.rtstruct import read_rtstruct
from dosimetry.dicomio.seg import read_seg
from dosimetry.dicomio.series import group_series
from dosimetry.dicomio.writing_ct import write_ct
from dosimetry.dicomio.writing_nm import write_nm
from dosimetry.dicomio.writing_pet import write_pet
from dosimetry.dicomio.writing_rtstruct import RegionToWrite, write_rtstruct
from dosimetry.dicomio.writing_seg import write_seg
from dosimetry.errors import DosimetryError
from tests.phantoms import objects

NUMBER_CHARACTERS = b"0123456789.-\\NaE, "


@pytest.fixture(scope="module")
def sound_files(tmp_path_factory):
    """One sound object of each kind: name -> bytes."""
    folder = tmp_path_factory.mktemp("sound")
    facts = {"patient": objects.PATIENT, "study": objects.study()}
    emission = {**facts, "acquisition": objects.acquisition(), "agent": objects.agent()}
    hu = objects.volume(unit="HU")
    ct = write_ct(hu, folder=folder / "ct", series=objects.series("ct"), **facts)
    pt = write_pet(objects.volume(unit="Bq/mL"), folder=folder / "pt", series=objects.series("pt"), **emission)
    nm = write_nm(objects.volume(unit="counts"), path=folder / "nm", series=objects.series("nm"), **emission)
    regions = [RegionToWrite(name="Liver", values=hu.values > 700.0)]
    rt = write_rtstruct(regions, image=ct, path=folder / "rt", series=objects.series("rt"), **facts)
    seg = write_seg(regions, image=ct, path=folder / "seg", series=objects.series("seg"))
    paths = {"ct": ct.paths[0], "pt": pt.paths[0], "nm": nm.paths[0], "rt": rt, "seg": seg}
    return {name: path.read_bytes() for name, path in paths.items()}


def changed(content, *, generator):
    """A copy with up to four bytes of the header changed, often into characters of numbers."""
    copy = bytearray(content)
    for _ in range(generator.randint(1, 4)):
        place = generator.randrange(300, min(len(copy), 3000))
        copy[place] = generator.choice(NUMBER_CHARACTERS) if generator.random() < 0.6 else generator.randrange(256)
    return bytes(copy)


def read(path):
    (series,) = group_series([read_header(path)])
    if series.kind == "ct":
        read_ct(series)
    elif series.kind == "emission":
        read_emission(series)
    elif series.kind == "rtstruct":
        read_rtstruct(path)
    elif series.kind == "seg":
        read_seg(path)


@given(seed=st.integers(min_value=0, max_value=2**32 - 1))
@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_accepted_mutants_are_read_or_refused_with_a_code(seed, sound_files, tmp_path):
    generator = random.Random(seed)
    paths = []
    for name, content in sound_files.items():
        for number in range(20):
            paths.append(tmp_path / f"{name}_{number}")
            paths[-1].write_bytes(changed(content, generator=generator))
    accepted = [path for path, verdict in check_files(paths) if verdict.is_accepted]
    assert accepted
    for path in accepted:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser warns of what it repairs
            try:
                read(path)
            except DosimetryError as error:
                assert error.code
