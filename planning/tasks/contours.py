from dosimetry.errors import InvalidInputError
from planning.computation.contour_imports import imported_masks
from planning.computation.grids import grid_from_dict, label_values
from planning.computation.learned_contours import learned_rows
from planning.computation.lesion_candidates import candidate_rows, matched_regions, rejected_lesions, without_known
from planning.computation.propagation import Carried, propagated_rows
from planning.models import Series, TimePoint
from planning.models.contours import ContourSource, ContourState, RegionKind
from planning.queue import TaskName
from planning.selectors.current import current_contours
from planning.services.contour_inputs import contour_inputs_require, contours_of, image_of, registration_of
from planning.services.contour_proposals import contour_masks_add
from planning.services.regions import lesion_for, region_for
from planning.tasks.base import run_task


@run_task(TaskName.IMPORT_CONTOURS)
def run_contour_import(run, progress):
    time_point = TimePoint.objects.get(pk=run.parameters["time_point"])
    series = Series.objects.get(pk=run.parameters["series"])
    progress(0.1, "Reading contours")
    contour_inputs_require(run=run)
    grid = grid_from_dict(image_of(run=run, time_point=time_point).label_grid)
    rows = imported_masks(series=series, grid=grid)
    inside = [row for row in rows if row["mask"].any()]
    if not inside:
        raise InvalidInputError("No contour lies inside the image of this time point.", code="region_outside")
    detail = series.summary.get("description") or series.modality
    for row in inside:
        row["source_detail"] = detail
    progress(0.7, "Measuring regions")
    course = time_point.cycle.course

    def region_of(row):
        return region_for(
            actor=run.requested_by,
            course=course,
            kind=row["kind"],
            name=row["name"],
            tracking_uid=row["tracking_uid"],
        )

    def save():
        contour_inputs_require(run=run)
        return contour_masks_add(
            actor=run.requested_by,
            run=run,
            time_point=time_point,
            rows=inside,
            source=ContourSource.IMPORTED,
            region_of=region_of,
            note=f"Imported from {detail}; {len(rows) - len(inside)} outside the image left out",
        )

    return save


@run_task(TaskName.PROPOSE_CONTOURS)
def run_contour_proposal(run, progress):
    time_point = TimePoint.objects.get(pk=run.parameters["time_point"])
    progress(0.05, "Reading images")
    contour_inputs_require(run=run)
    organs, said = _organ_proposals(run, time_point, progress)
    lesions, more = _lesion_proposals(run, time_point, progress)
    if not organs and not lesions:
        raise InvalidInputError("; ".join((*said, *more)) + ". Draw or import what is there.", code="nothing_found")
    progress(0.9, "Measuring regions")
    course = time_point.cycle.course

    def region_of(row):
        if row["kind"] == RegionKind.LESION:
            return lesion_for(actor=run.requested_by, course=course, known=row["region_id"])
        return region_for(actor=run.requested_by, course=course, kind=row["kind"], name=row["name"])

    def save():
        contour_inputs_require(run=run)
        # A person may have drawn or rejected one of the lesions while the network looked for them.
        fresh, since = _undecided(run, time_point, lesions)
        return contour_masks_add(
            actor=run.requested_by,
            run=run,
            time_point=time_point,
            rows=[*organs, *fresh],
            source=ContourSource.MODEL,
            region_of=region_of,
            note="; ".join((*said, *more, *since)),
        )

    return save


def _organ_proposals(run, time_point, progress):
    """Return the rows of the organ network, if it was asked, and what there is to say of them."""
    wanted = run.parameters["regions"]
    if not wanted:
        return [], []
    rows = learned_rows(
        image=image_of(run=run, time_point=time_point),
        regions=wanted,
        progress=lambda share: progress(0.1 + 0.4 * share, "Looking for organs"),
        enabled_sha256=run.parameters.get("totalsegmentator_sha256"),
    )
    missing = [name for name in wanted if name not in {row["name"] for row in rows}]
    refused = [row["name"] for row in rows if row["is_refused"]]
    said = [f"Proposed by {run.parameters['network']}"]
    said += [f"not found: {', '.join(missing)}"] if missing else []
    said += [f"refused: {', '.join(refused)}"] if refused else []
    return rows, said


def _lesion_proposals(run, time_point, progress):
    """Return the rows of the lesion network, if it was asked, each with the lesion of the course that it is."""
    label = run.parameters.get("lesion_network")
    if not label:
        return [], []
    image = image_of(run=run, time_point=time_point)
    rows = candidate_rows(image=image, progress=lambda share: progress(0.5 + 0.35 * share, "Looking for lesions"))
    unknown, known = _unknown(image, time_point, rows)
    for row, region_id in zip(unknown, matched_regions(time_point, unknown), strict=True):
        row["region_id"] = region_id
    fresh, rejected = _unrejected(image, time_point, unknown)
    return fresh, [f"{len(fresh)} lesion candidates by {label}", *known, *rejected]


def _undecided(run, time_point, rows):
    """Return the candidates that no person has decided about meanwhile, and what there is to say of the others."""
    image = image_of(run=run, time_point=time_point)
    unknown, known = _unknown(image, time_point, rows)
    fresh, rejected = _unrejected(image, time_point, unknown)
    return fresh, [*known, *rejected]


def _unknown(image, time_point, rows):
    unknown = without_known(rows, revision=current_contours(time_point), image=image)
    return unknown, _left_out(len(rows) - len(unknown), "that lie in lesions of a person")


def _unrejected(image, time_point, rows):
    rejected = rejected_lesions(current_contours(time_point), image)
    fresh = [row for row in rows if row["region_id"] not in rejected]
    return fresh, _left_out(len(rows) - len(fresh), "rejected before")


def _left_out(count, why):
    return [f"{count} {why} left out"] if count else []


@run_task(TaskName.PROPAGATE_CONTOURS)
def run_contour_propagation(run, progress):
    source = TimePoint.objects.get(pk=run.parameters["time_point"])
    contour_inputs_require(run=run)
    revision = contours_of(run=run, time_point=source)
    grid = grid_from_dict(revision.image.label_grid)
    drawn = [c for c in revision.contours.select_related("region") if c.state != ContourState.REJECTED]
    contours = [c for c in drawn if not c.is_candidate]
    volumes = {"organ": label_values(revision.organs, grid), "lesion": label_values(revision.lesions, grid)}
    carried = [Carried(region=c.region, mask=volumes[c.region.kind] == c.region.label) for c in contours]
    targets = list(TimePoint.objects.filter(pk__in=run.parameters["targets"]).order_by("number"))
    prepared = []
    for i, target in enumerate(targets):

        def report(fraction, i=i, number=target.number):
            progress((i + fraction) / len(targets), f"Time point {number}")

        report(0.0)
        rows, refusal = propagated_rows(
            carried,
            grid=grid,
            image=image_of(run=run, time_point=target),
            matrix=registration_of(run=run, time_point=target).matrix,
            is_settled=bool(run.parameters.get("network")),
            progress=report,
        )
        for row in rows:
            row["source_detail"] = f"from time point {source.number}{row['source_detail']}"
        note = f"Propagated from time point {source.number}"
        if refusal:
            note += f"; by the registration alone, for the network refused this scan: {refusal}"
        prepared.append((target, rows, note))

    def save():
        contour_inputs_require(run=run)
        result = None
        for target, rows, note in prepared:
            result = contour_masks_add(
                actor=run.requested_by,
                run=run,
                time_point=target,
                rows=rows,
                source=ContourSource.PROPAGATED,
                region_of=lambda row: row["region"],
                note=note,
            )
        return result

    return save
