"""Organs of a virtual patient and their variants, in the coordinates of ``trunk``."""

from collections.abc import Callable
from enum import StrEnum

from dosimetry.phantoms.body_parts import AnatomyPart, organ
from dosimetry.phantoms.habitus import Sex
from dosimetry.phantoms.shapes import Ellipsoid
from dosimetry.phantoms.solids import Bean, Scaled, Sections, resized

VolumeOf = Callable[[str], float]
"""Gives the wanted volume of an organ in mL, before the scaling by height."""
SIDES = (("left", 1.0), ("right", -1.0))
CYSTS_MM = ((24.0, -4.0, 26.0, 13.0), (18.0, 10.0, -34.0, 18.0))
"""Places from the middle of a kidney (outwards, back, up) and radii of its cysts."""
KIDNEY_Z = {"left": -48.0, "right": -64.0}


class Variant(StrEnum):
    """What makes a patient harder."""

    ONE_KIDNEY = "one_kidney"
    KIDNEY_CYSTS = "kidney_cysts"
    HORSESHOE_KIDNEY = "horseshoe_kidney"
    HYDRONEPHROSIS = "hydronephrosis"
    ASCITES = "ascites"
    SPLENECTOMY = "splenectomy"
    IMPLANT = "implant"


def chest(volume_of: VolumeOf) -> tuple[AnatomyPart, ...]:
    """Return lungs and heart."""
    parts = []
    for side, sign in SIDES:
        lung = Sections(
            axis=2,
            places_mm=(12.0, 50.0, 95.0, 155.0, 205.0, 238.0),
            centres_mm=tuple((sign * x, y) for x, y in ((98, 56), (90, 26), (82, 6), (76, 2), (62, 4), (48, 8))),
            semi_axes_mm=((16.0, 20.0), (46.0, 62.0), (54.0, 80.0), (52.0, 74.0), (38.0, 52.0), (10.0, 12.0)),
        )
        # Lungs keep their place in the chest: they are not resized, their density carries the spread.
        parts.append(organ(f"Lung {side}", lung, "lung"))
    heart = _egg((22.0, -34.0, 108.0), (52.0, 44.0, 60.0), (0.0, -35.0, 25.0))
    return (*parts, organ("Heart", resized(heart, volume_of("Heart")), "blood"))


def belly(volume_of: VolumeOf, variants: frozenset[Variant]) -> tuple[AnatomyPart, ...]:
    """Return bowel, liver, stomach, pancreas, spleen and adrenals."""
    parts = list(_bowel())
    if Variant.ASCITES in variants:
        fluid = Sections(
            axis=2,
            places_mm=(-300.0, -150.0, 40.0, 80.0),
            centres_mm=((0.0, -6.0),) * 4,
            semi_axes_mm=((104.0, 64.0), (126.0, 76.0), (128.0, 86.0), (110.0, 76.0)),
        )
        parts.insert(0, AnatomyPart(name="Ascites", solid=fluid, tissue="ascites"))
    liver = Sections(
        axis=0,
        places_mm=(-132.0, -118.0, -90.0, -50.0, -10.0, 30.0, 60.0, 84.0),
        centres_mm=((8, 26), (6, 28), (2, 32), (-4, 42), (-22, 56), (-40, 66), (-50, 70), (-54, 72)),
        semi_axes_mm=((4, 8), (50, 58), (70, 76), (72, 68), (55, 46), (34, 28), (20, 16), (3, 3)),
    )
    parts.append(organ("Liver", resized(liver, volume_of("Liver")), "liver"))
    stomach = _egg((62.0, -28.0, 38.0), (40.0, 44.0, 62.0), (0.0, 30.0, 0.0))
    parts.append(organ("Stomach", resized(stomach, volume_of("Stomach")), "bowel"))
    gas = _egg((58.0, -56.0, 48.0), (22.0, 14.0, 26.0), (0.0, 30.0, 0.0))
    parts.append(organ("Stomach gas", gas, "gas", region="Stomach"))
    pancreas = Sections(
        axis=0,
        places_mm=(-38.0, -10.0, 30.0, 78.0),
        centres_mm=((8.0, -22.0), (0.0, -12.0), (4.0, 2.0), (22.0, 18.0)),
        semi_axes_mm=((13.0, 20.0), (11.0, 15.0), (10.0, 13.0), (7.0, 9.0)),
    )
    parts.append(organ("Pancreas", resized(pancreas, volume_of("Pancreas")), "soft"))
    if Variant.SPLENECTOMY not in variants:
        spleen = _egg((103.0, 40.0, 46.0), (26.0, 40.0, 52.0), (22.0, -8.0, 18.0))
        parts.append(organ("Spleen", resized(spleen, volume_of("Spleen")), "spleen"))
    for side, sign in SIDES:
        adrenal = _egg((sign * 42.0, 38.0, 6.0), (7.0, 12.0, 18.0), (0.0, sign * 20.0, 0.0))
        solid = resized(adrenal, 0.5 * volume_of("Adrenals"))
        parts.append(organ(f"Adrenal {side}", solid, "soft", region="Adrenals"))
    return tuple(parts)


def kidneys(volume_of: VolumeOf, variants: frozenset[Variant]) -> tuple[AnatomyPart, ...]:
    """Return kidneys of cortex, medulla and pelvis, with their variants."""
    parts: list[AnatomyPart] = []
    sides = SIDES[:1] if Variant.ONE_KIDNEY in variants else SIDES
    is_joined = Variant.HORSESHOE_KIDNEY in variants
    for side, sign in sides:
        region = f"Kidney {side}"
        z = KIDNEY_Z[side] - (30.0 if is_joined else 0.0)
        x = sign * (46.0 if is_joined else 64.0)
        bean = Bean(centre_lps_mm=(x, 40.0, z), semi_axes_mm=(27.0, 25.0, 55.0), hilum_x=int(-sign))
        # A kidney that is alone grows by about a half (compensatory hypertrophy).
        volume_ml = volume_of("Kidney") * (1.45 if Variant.ONE_KIDNEY in variants else 1.0)
        whole = resized(bean, volume_ml)
        parts += [
            organ(f"{region} cortex", whole, "cortex", region=region),
            organ(f"{region} medulla", Scaled(solid=whole, factor=0.72), "medulla", region=region),
            AnatomyPart(name=f"{region} sinus", solid=_egg((x - sign * 11.0, 40.0, z), (9.0, 9.0, 17.0)), tissue="fat"),
            AnatomyPart(name=f"{region} pelvis", solid=_pelvis((x - sign * 13.0, 40.0, z), variants), tissue="urine"),
        ]
        if Variant.KIDNEY_CYSTS in variants:
            for number, (dx, dy, dz, radius) in enumerate(CYSTS_MM, start=1):
                cyst = _egg((x + sign * dx, 40.0 + dy, z + dz), (radius, radius, radius))
                parts.append(AnatomyPart(name=f"{region} cyst {number}", solid=cyst, tissue="cyst"))
    if is_joined and len(sides) == 2:
        bridge = Sections(
            axis=0,
            places_mm=(-44.0, 0.0, 44.0),
            centres_mm=((34.0, -128.0), (22.0, -136.0), (34.0, -116.0)),
            semi_axes_mm=((12.0, 16.0), (9.0, 13.0), (12.0, 16.0)),
        )
        parts.append(organ("Kidney bridge", bridge, "cortex", region="Kidney left"))
    return tuple(parts)


def pelvis_organs(volume_of: VolumeOf, sex: Sex) -> tuple[AnatomyPart, ...]:
    """Return bladder, and prostate or uterus."""
    bladder = resized(_egg((0.0, -26.0, -282.0), (45.0, 36.0, 34.0)), volume_of("Bladder"))
    name, egg = "Uterus", _egg((0.0, 22.0, -262.0), (24.0, 20.0, 36.0))
    if sex == "male":
        name, egg = "Prostate", _egg((0.0, -8.0, -322.0), (17.0, 14.0, 14.0))
    return organ("Bladder", bladder, "urine"), organ(name, resized(egg, volume_of(name)), "soft")


def head_glands(volume_of: VolumeOf) -> tuple[AnatomyPart, ...]:
    """Return salivary and lacrimal glands, thyroid and airways of the head."""
    parts = [
        AnatomyPart(name="Mouth and throat", solid=_egg((0.0, -44.0, 388.0), (20.0, 28.0, 8.0)), tissue="gas"),
        AnatomyPart(name="Nose", solid=_egg((0.0, -72.0, 420.0), (14.0, 22.0, 20.0)), tissue="gas"),
    ]
    for side, sign in SIDES:
        for name, centre, size in (
            ("Parotid", (sign * 62.0, -12.0, 392.0), (10.0, 19.0, 27.0)),
            ("Submandibular", (sign * 34.0, -44.0, 342.0), (10.0, 16.0, 14.0)),
            ("Lacrimal", (sign * 36.0, -82.0, 440.0), (4.0, 5.0, 9.0)),
        ):
            parts.append(organ(f"{name} {side}", resized(_egg(centre, size), volume_of(name)), "soft"))
        lobe = resized(_egg((sign * 19.0, -26.0, 288.0), (8.0, 9.0, 24.0)), 0.5 * volume_of("Thyroid"))
        parts.append(organ(f"Thyroid {side}", lobe, "soft", region="Thyroid"))
    return tuple(parts)


def _bowel() -> tuple[AnatomyPart, ...]:
    small = Sections(
        axis=2,
        places_mm=(-262.0, -220.0, -130.0, -50.0, -24.0),
        centres_mm=((0.0, -14.0), (0.0, -22.0), (0.0, -28.0), (6.0, -26.0), (10.0, -22.0)),
        semi_axes_mm=((50.0, 28.0), (86.0, 44.0), (92.0, 46.0), (74.0, 38.0), (30.0, 16.0)),
        exponent=2.6,
    )
    parts = [organ("Bowel", small, "bowel")]
    for name, places, centres, radius in (
        ("Ascending colon", (-215.0, -130.0, -40.0), ((-96.0, -2.0), (-104.0, 4.0), (-100.0, -6.0)), 24.0),
        ("Descending colon", (-235.0, -130.0, -10.0), ((86.0, 6.0), (104.0, 12.0), (106.0, 14.0)), 17.0),
    ):
        tube = Sections(axis=2, places_mm=places, centres_mm=centres, semi_axes_mm=((radius, radius),) * 3)
        parts.append(organ(name, tube, "bowel", region="Bowel"))
    across = Sections(
        axis=0,
        places_mm=(-100.0, 0.0, 100.0),
        centres_mm=((-30.0, -36.0), (-66.0, -62.0), (-20.0, -14.0)),
        semi_axes_mm=((20.0, 20.0), (17.0, 17.0), (18.0, 18.0)),
    )
    inside = Sections(
        axis=0,
        places_mm=(-92.0, 0.0, 92.0),
        centres_mm=((-38.0, -36.0), (-73.0, -62.0), (-27.0, -14.0)),
        semi_axes_mm=((8.0, 12.0), (7.0, 11.0), (7.0, 10.0)),
    )
    parts.append(organ("Transverse colon", across, "bowel", region="Bowel"))
    return (*parts, organ("Colon gas", inside, "gas", region="Bowel"))


def _pelvis(centre: tuple[float, float, float], variants: frozenset[Variant]) -> Ellipsoid:
    """Return the renal pelvis; hydronephrosis widens it."""
    return _egg(centre, (15.0, 14.0, 26.0) if Variant.HYDRONEPHROSIS in variants else (6.0, 6.0, 9.0))


def _egg(
    centre: tuple[float, float, float],
    size: tuple[float, float, float],
    angles_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Ellipsoid:
    return Ellipsoid(centre_lps_mm=centre, semi_axes_mm=size, angles_xyz_deg=angles_deg)
