"""Small DICOM series written by the project's own writer, and changes to their headers."""

from collections.abc import Callable, Iterable
from datetime import UTC, tzinfo
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.series import Series, group_series
from dosimetry.dicomio.writing_common import WrittenSeries
from dosimetry.dicomio.writing_ct import write_ct
from dosimetry.dicomio.writing_nm import write_nm
from dosimetry.dicomio.writing_pet import write_pet
from dosimetry.volume import Volume
from tests.phantoms import objects

FACTS = {"patient": objects.PATIENT, "study": objects.study()}


def ct_series(folder: Path, *, volume: Volume | None = None) -> WrittenSeries:
    return write_ct(volume or objects.volume(unit="HU"), folder=folder, series=objects.series("ct"), **FACTS)


def pet_series(folder: Path, *, volume: Volume | None = None, **changes) -> WrittenSeries:
    arguments = {"acquisition": objects.acquisition(), "agent": objects.agent(), "series": objects.series("pt")}
    return write_pet(volume or objects.volume(unit="Bq/mL"), folder=folder, **FACTS, **{**arguments, **changes})


def nm_series(folder: Path, *, volume: Volume | None = None, **changes) -> WrittenSeries:
    arguments = {"acquisition": objects.acquisition(), "agent": objects.agent(), "series": objects.series("nm")}
    values = volume or objects.volume(unit="counts")
    return write_nm(values, path=folder / "nm.dcm", **FACTS, **{**arguments, **changes})


def change(paths: Path | Iterable[Path], edit: Callable[[Dataset], None]) -> None:
    """Change the data sets of files in place."""
    for path in [paths] if isinstance(paths, Path) else list(paths):
        dataset = pydicom.dcmread(path)
        edit(dataset)
        dataset.save_as(path)


def setting(**values) -> Callable[[Dataset], None]:
    """Return an edit that sets elements; None deletes one."""

    def edit(dataset: Dataset) -> None:
        for keyword, value in values.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)

    return edit


def agent_setting(**values) -> Callable[[Dataset], None]:
    """Return an edit of the radiopharmaceutical item; None deletes an element."""
    return lambda dataset: setting(**values)(dataset.RadiopharmaceuticalInformationSequence[0])


def grouped(written: WrittenSeries | Iterable[Path], *, site_zone: tzinfo = UTC) -> list[Series]:
    paths = written.paths if isinstance(written, WrittenSeries) else written
    return group_series([read_header(path) for path in paths], site_zone=site_zone)


def only(written: WrittenSeries | Iterable[Path], *, site_zone: tzinfo = UTC) -> Series:
    (series,) = grouped(written, site_zone=site_zone)
    return series


def codes(series: Series) -> dict[str, str]:
    """Return the level of each finding."""
    return {finding.code: finding.level for finding in series.findings}
