"""What a map of time-integrated activity tells its user."""

from collections.abc import Mapping, Sequence

from dosimetry.kinetics.selection import CurveFinding
from dosimetry.kinetics.voxel_noise import VoxelNoise
from dosimetry.units import HOUR_S

SCALED_ERROR = "in a region of two half-lives (30 h and 90 h) its voxels err by +80 % and -36 % with a scan at 4 h"
MANY_CLAMPED = 0.2
NOISE_ORIGINS = {
    "declared": "as declared",
    "residuals": "from the residuals of the fits",
    "ratios": "from the spread of the ratio of both scans, an upper limit",
}


def general_findings(*, clamped_fraction: float, noise: VoxelNoise | None, is_scaled: bool) -> list[CurveFinding]:
    """Return what holds for the whole map: the bound of physical decay, the noise, voxels without a region."""
    found = []
    if clamped_fraction > MANY_CLAMPED:
        text = f"In {100 * clamped_fraction:.0f} % of voxels with signal the physical half-life limits the fit."
        found.append(_note("voxels_clamped", text))
    if noise is None:
        text = "Too few voxels to estimate their noise: the map of uncertainty is empty. Declare the noise of a voxel."
        found.append(_note("voxel_noise_unknown", text))
    else:
        percent = 100.0 * noise.relative_standard_uncertainty
        text = f"Noise of one voxel at its largest scan: {percent:.2g} %, {NOISE_ORIGINS[noise.origin]}."
        found.append(_note("voxel_noise", text))
    if is_scaled:
        text = "Outside regions there is no curve to scale: those voxels keep a fit of their own."
        found.append(_note("outside_regions_fitted", text))
    return found


def follows_region(name: str, *, model: str, freedom: str) -> CurveFinding:
    """Say which curve the voxels of a region follow."""
    text = f"{name}: its voxels follow its curve ({model.replace('_', ' ')}), each with {freedom}."
    return _note("voxels_follow_region", text)


def outside_scan(name: str, *, share: float) -> CurveFinding:
    """Say which share of a region a scan did not reach."""
    text = f"{name}: {100.0 * share:.0f} % lie outside a scan; those voxels take the region's curve, scaled."
    return _note("voxels_outside_scan", text)


def declared_mapped(name: str, *, half_life_s: float) -> CurveFinding:
    """Say that the map rests on the region's declared half-life."""
    hours = half_life_s / HOUR_S
    text = f"{name}: its voxels decay with the declared {hours:.1f} h after the last scan, as in its curve."
    return _note("declared_half_life_mapped", text)


def prior_mapped(name: str) -> CurveFinding:
    """Say that the map rests on a curve whose shape comes from a prior."""
    return _note("prior_mapped", f"{name}: its voxels follow its curve from the last scan; the shape rests on a prior.")


def scaled_by_choice(names: Sequence[str]) -> list[CurveFinding]:
    """Warn once of the error of a scaled curve that the user chose; the warning is answered once."""
    if not names:
        return []
    text = f"{', '.join(names)}: voxels take the region's curve, scaled by one scan, as chosen; {SCALED_ERROR}."
    return [CurveFinding(code="region_scaled_chosen", level="ask", message=text)]


def scaled_for_registration(residuals_mm: Mapping[str, float], *, limit_mm: float) -> list[CurveFinding]:
    """Say once which regions are registered too poorly for a fit of their voxels."""
    if not residuals_mm:
        return []
    regions = ", ".join(f"{name} ({value:.1f} mm)" for name, value in residuals_mm.items())
    text = (
        f"A scan is off by more than {limit_mm:g} mm in {regions}: voxels there are not fitted but take the region's "
        f"curve, scaled by one scan; {SCALED_ERROR}."
    )
    return [CurveFinding(code="region_scaled_registration", level="ask", message=text)]


def _note(code: str, message: str) -> CurveFinding:
    return CurveFinding(code=code, level="note", message=message)
