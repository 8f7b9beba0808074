"""Lesions of a virtual patient: how many, how large, and where they fit."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.body_parts import AnatomyPart
from dosimetry.phantoms.shapes import Ellipsoid
from dosimetry.phantoms.solids import Solid
from dosimetry.units import ML_MM3

Site = Literal["liver", "bone", "node", "prostate"]
Point = tuple[float, float, float]
SITE_NAMES: dict[str, str] = {
    "liver": "Liver lesion",
    "bone": "Bone lesion",
    "node": "Node",
    "prostate": "Prostate lesion",
}
HOSTS: dict[str, tuple[str, ...]] = {
    "liver": ("Liver",),
    "bone": ("Spine", "Sacrum", "Femur left neck", "Femur right neck"),
    "node": (),
    "prostate": ("Prostate",),
}
TISSUE_OF: dict[str, str] = {"liver": "tumour", "bone": "sclerosis", "node": "tumour", "prostate": "tumour"}
NODE_BOX_MM: tuple[Point, Point] = ((-32.0, 8.0, -160.0), (34.0, 30.0, -10.0))
"""Round the great vessels, where retroperitoneal nodes lie."""
N_TRIES = 400
VOLUME_MEDIAN_ML, VOLUME_LOG_SPREAD = 6.0, 1.0
VOLUME_RANGE_ML = (0.8, 80.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionRequest:
    """Lesions that a patient shall have.

    Parameters
    ----------
    site : {"liver", "bone", "node", "prostate"}
        Where.
    volume_ml : float
        Of each, above zero.
    n : int
        How many.
    centre_lps_mm : (x, y, z) float or None
        In the reference adult, for one lesion; None finds room.
    """

    site: Site
    volume_ml: float
    n: int = 1
    centre_lps_mm: Point | None = None

    def __post_init__(self) -> None:
        if self.site not in SITE_NAMES:
            raise InvalidInputError(f"Lesions lie in {', '.join(SITE_NAMES)}; got {self.site!r}.", code="bad_lesion")
        if not (np.isfinite(self.volume_ml) and self.volume_ml > 0.0 and self.n >= 1):
            raise InvalidInputError("A lesion needs a volume above zero and a number of at least 1.", code="bad_lesion")


def sample_requests(generator: np.random.Generator) -> tuple[LesionRequest, ...]:
    """Draw 0 to 6 lesions in the liver and in bone and 0 to 3 nodes, of log-normal volumes."""
    requests = []
    sites: tuple[tuple[Site, int], ...] = (("liver", 6), ("bone", 6), ("node", 3))
    for site, most in sites:
        for _ in range(int(generator.integers(0, most + 1))):
            volume = VOLUME_MEDIAN_ML * float(np.exp(VOLUME_LOG_SPREAD * generator.standard_normal()))
            largest = VOLUME_RANGE_ML[1] if site == "liver" else 0.25 * VOLUME_RANGE_ML[1]
            requests.append(LesionRequest(site=site, volume_ml=float(np.clip(volume, VOLUME_RANGE_ML[0], largest))))
    return tuple(requests)


def place_lesions(
    requests: tuple[LesionRequest, ...],
    *,
    parts: tuple[AnatomyPart, ...],
    generator: np.random.Generator,
    volume_scale: float,
) -> tuple[AnatomyPart, ...]:
    """Return lesions as parts, apart from each other and inside their host.

    Parameters
    ----------
    requests : tuple of LesionRequest
        What is wanted; volumes of the patient.
    parts : tuple of AnatomyPart
        The body in the reference adult.
    generator : Generator
        Draws places and shapes.
    volume_scale : float
        Volume of the patient over that of the reference adult.

    Raises
    ------
    InvalidInputError
        A centre outside the host (``lesion_outside``), a host that the patient lacks, or no room (``no_room``).
    """
    placed: list[AnatomyPart] = []
    numbers: dict[str, int] = {}
    for request in requests:
        for _ in range(request.n):
            numbers[request.site] = numbers.get(request.site, 0) + 1
            name = f"{SITE_NAMES[request.site]} {numbers[request.site]}"
            size = _semi_axes(request.volume_ml / volume_scale, generator)
            centre = _place(request, size, parts, placed, generator)
            solid = Ellipsoid(centre_lps_mm=centre, semi_axes_mm=size)
            tissue = TISSUE_OF[request.site]
            placed.append(
                AnatomyPart(name=name, solid=solid, tissue=tissue, source_region=name, kind=RegionKind.LESION)
            )
    return tuple(placed)


def _semi_axes(volume_ml: float, generator: np.random.Generator) -> Point:
    """Return half-diameters of a slightly uneven ellipsoid of a volume."""
    uneven = np.exp(0.12 * generator.standard_normal(3))
    uneven /= np.prod(uneven) ** (1.0 / 3.0)
    radius = (volume_ml * ML_MM3 * 3.0 / (4.0 * np.pi)) ** (1.0 / 3.0)
    x, y, z = (float(radius * factor) for factor in uneven)
    return x, y, z


def _place(
    request: LesionRequest,
    size: Point,
    parts: tuple[AnatomyPart, ...],
    placed: list[AnatomyPart],
    generator: np.random.Generator,
) -> Point:
    hosts = [part.solid for part in parts if part.name in HOSTS[request.site]]
    if HOSTS[request.site] and not hosts:
        raise InvalidInputError(f"The patient has nothing for a lesion of the {request.site}.", code="no_host")
    if request.centre_lps_mm is not None:
        if not _is_inside(hosts, request.centre_lps_mm, level=1.0):
            raise InvalidInputError(
                f"The lesion at {request.centre_lps_mm} mm lies outside the {request.site}; choose another place.",
                code="lesion_outside",
            )
        return request.centre_lps_mm
    for _ in range(N_TRIES):
        centre = _draw(hosts, generator)
        deep = 0.9 if request.site == "bone" else 0.8
        if _is_inside(hosts, centre, level=deep) and _is_free(centre, size, placed):
            return centre
    raise InvalidInputError(f"There is no room for another lesion of the {request.site}.", code="no_room")


def _draw(hosts: list[Solid], generator: np.random.Generator) -> Point:
    if not hosts:
        low, high = np.array(NODE_BOX_MM[0]), np.array(NODE_BOX_MM[1])
    else:
        host = hosts[int(generator.integers(len(hosts)))]
        low = np.asarray(host.centre_lps_mm) - host.half_size_lps_mm
        high = np.asarray(host.centre_lps_mm) + host.half_size_lps_mm
    x, y, z = (float(v) for v in generator.uniform(low, high))
    return x, y, z


def _is_inside(hosts: list[Solid], point: Point, *, level: float) -> bool:
    if not hosts:
        low, high = NODE_BOX_MM
        return all(a <= p <= b for a, p, b in zip(low, point, high, strict=True))
    return any(float(host.level(np.array([point]))[0]) <= level for host in hosts)


def _is_free(centre: Point, size: Point, placed: list[AnatomyPart]) -> bool:
    for part in placed:
        distance = float(np.linalg.norm(np.asarray(part.solid.centre_lps_mm) - centre))
        if distance < max(size) + float(max(part.solid.half_size_lps_mm)) + 2.0:
            return False
    return True
