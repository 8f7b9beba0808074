"""Who may call what: one row per route and method, gathered by noun. A route without a row fails the matrix test.

A row names the Action of ``planning.permissions`` that the service requires, and from where the object is visible:

- ``patient``: the object belongs to a patient; only roles that see patients at its site find it, for others 404;
- ``site``: the object belongs to a site; every member finds it;
- ``own``: there is no object in the address; everybody signed in is answered, with own things only.
"""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from planning.permissions import Action
from tests.factories import DIGEST, PASSWORD, Case

Scope = str
PATIENT, SITE, OWN = "patient", "site", "own"
IF_MATCH = {"If-Match": '"1"'}
VOXELS = bytes(24)
LABEL_BODY = gzip.compress(VOXELS)
LABEL_HEADERS = IF_MATCH | {
    "X-Voxels-SHA256": hashlib.sha256(VOXELS).hexdigest(),
    "X-Changed-Labels": "1",
    "X-Note": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """``body`` and ``headers`` are good enough to reach the permission check of the service."""

    action: Action | None = None
    scope: Scope = PATIENT
    body: dict[str, Any] | bytes | Callable[[Case], dict[str, Any]] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""


Rows = dict[str, dict[str, Row]]
READ = Row()
READ_SITE = Row(scope=SITE)

ADMINISTRATIONS: Rows = {
    "administrations": {
        "POST": Row(
            action=Action.RECORD_ADMINISTRATION,
            body={
                "administered_activity": {"value": 7.4, "unit": "GBq"},
                "administered_at": "2026-03-02T09:30:00Z",
                "reason": "typing error",
            },
        )
    }
}
AREAS: Rows = {
    "area": {
        "POST": Row(
            body={"plane": "axial", "points_lps_mm": [[-1e3, -1e3, 0.0], [1e3, -1e3, 0.0], [0.0, 1e3, 0.0]]},
        )
    }
}
AUDIT: Rows = {"audit": {"GET": Row(action=Action.VIEW_AUDIT, scope=OWN)}}
CALIBRATIONS: Rows = {
    "calibration-measurements": {
        "GET": READ_SITE,
        "POST": Row(
            action=Action.EDIT_CALIBRATION,
            scope=SITE,
            body={
                "method": "planar",
                "inputs": {
                    "nuclide": "Lu-177",
                    "activity_mbq": 100.0,
                    "activity_standard_uncertainty_mbq": 1.0,
                    "assay_to_start_min": 30.0,
                    "duration_s": 600.0,
                    "counts": 5e5,
                },
            },
        ),
    },
    "calibrations": {
        "GET": READ_SITE,
        "POST": Row(
            action=Action.EDIT_CALIBRATION,
            scope=SITE,
            body={
                "camera": "camera 2",
                "nuclide": "Lu-177",
                "calibration_cps_per_mbq": 10.0,
                "calibration_standard_uncertainty_cps_per_mbq": 0.1,
                "valid_from": "2026-01-01",
                "source": "phantom",
            },
        ),
    },
    "calibration-confirm": {"POST": Row(action=Action.CONFIRM_CALIBRATION, scope=SITE)},
    "calibration-withdraw": {"POST": Row(action=Action.CONFIRM_CALIBRATION, scope=SITE, body={"reason": "drift"})},
}
DENSITY_CURVES: Rows = {
    "density-curves": {
        "GET": READ_SITE,
        "POST": Row(
            action=Action.EDIT_CALIBRATION,
            scope=SITE,
            body={
                "scanner": "CT 2",
                "points": [[-1000.0, 0.0012], [0.0, 1.0], [1600.0, 1.96]],
                "valid_from": "2026-01-01",
                "source": "phantom",
            },
        ),
    },
    "density-curve-confirm": {"POST": Row(action=Action.CONFIRM_CALIBRATION, scope=SITE)},
    "density-curve-withdraw": {"POST": Row(action=Action.CONFIRM_CALIBRATION, scope=SITE, body={"reason": "drift"})},
}
RECOVERY_CURVES: Rows = {
    "recovery-curves": {
        "GET": READ_SITE,
        "POST": Row(
            action=Action.EDIT_CALIBRATION,
            scope=SITE,
            body=lambda case: {"measurement_id": str(case.calibration_measurement.pk), "camera": "camera 2"},
        ),
    },
    "recovery-curve-confirm": {"POST": Row(action=Action.CONFIRM_CALIBRATION, scope=SITE)},
    "recovery-curve-withdraw": {"POST": Row(action=Action.CONFIRM_CALIBRATION, scope=SITE, body={"reason": "drift"})},
}
_KIND = {"agent": "DOTATATE", "organ": "kidney", "nuclide": "Lu-177"}
_HALF_LIFE = {"median_h": 50.0, "log_standard_deviation": 0.2, "source": "phantom"}
POPULATIONS: Rows = {
    "networks": {
        "GET": READ_SITE,
        "POST": Row(
            action=Action.ENABLE_NETWORKS,
            scope=SITE,
            body={"name": "organs", "enable": True, "reason": "Checked on ten of our patients."},
        ),
    },
    "populations": {
        "GET": READ_SITE,
        "POST": Row(action=Action.EDIT_CALIBRATION, scope=SITE, body=_KIND | _HALF_LIFE),
    },
    "population-import": {
        "POST": Row(
            action=Action.EDIT_CALIBRATION, scope=SITE, body=lambda case: {"document": case.rows["population"].document}
        )
    },
    "population-fit": {"POST": Row(action=Action.EDIT_CALIBRATION, scope=SITE, body=_KIND)},
    "population-confirm": {"POST": Row(action=Action.CONFIRM_CALIBRATION, scope=SITE)},
    "population-withdraw": {"POST": Row(action=Action.CONFIRM_CALIBRATION, scope=SITE, body={"reason": "drift"})},
}
VIRTUAL_PATIENTS: Rows = {
    "virtual-patients": {
        "GET": READ,
        "POST": Row(action=Action.RUN_CALCULATION, body={"agent": "DOTATATE", "seed": 7, "scan_times_h": [24.0, 96.0]}),
    },
    "virtual-patient": {"GET": READ},
}
CONTOUR_ACTIONS: Rows = {"contour-acceptance": {"GET": READ_SITE}}
CONTOURS: Rows = {
    "contours": {"GET": READ},
    "contour-operations": {
        "POST": Row(
            action=Action.EDIT_CONTOURS,
            headers=IF_MATCH,
            body=lambda case: {"operation": "delete", "region_id": str(case.region.pk), "parameters": {}},
        )
    },
    "contour-states": {
        "POST": Row(
            action=Action.ACCEPT_CONTOURS,
            headers=IF_MATCH,
            body=lambda case: {"region_id": str(case.region.pk), "state": "accepted"},
        )
    },
    "contour-rejections": {
        "POST": Row(
            action=Action.ACCEPT_CONTOURS,
            headers=IF_MATCH,
            body=lambda case: {"region_ids": [str(case.region.pk)]},
        )
    },
    "contour-restore": {
        "POST": Row(
            action=Action.EDIT_CONTOURS,
            headers=IF_MATCH,
            body=lambda case: {"number": 0, "region_ids": [str(case.region.pk)]},
        )
    },
    "contour-import": {
        "POST": Row(action=Action.EDIT_CONTOURS, body=lambda case: {"series_id": str(case.series.pk)}),
    },
    "contour-comparison": {"GET": READ},
    "contour-preview": {"GET": READ},
    "contour-propose": {"POST": Row(action=Action.EDIT_CONTOURS, body={"regions": ["Liver"]})},
    "contour-propagate": {"POST": Row(action=Action.EDIT_CONTOURS, body={})},
}
for _kind in ("organs", "lesions"):
    CONTOURS[f"contour-voxels-{_kind}"] = {
        "POST": Row(action=Action.EDIT_CONTOURS, body=LABEL_BODY, headers=LABEL_HEADERS)
    }
    CONTOURS[f"contour-draft-{_kind}"] = {
        "GET": READ,
        "PUT": Row(action=Action.EDIT_CONTOURS, body=LABEL_BODY, headers=LABEL_HEADERS),
    }
    CONTOURS[f"contour-revision-{_kind}"] = {"GET": READ}
COURSES: Rows = {"course": {"GET": READ}}
DOSES: Rows = {
    "dose": {"GET": READ},
    "dose-figure": {"GET": READ},
    "dose-start": {"POST": Row(action=Action.RUN_CALCULATION, body={"engines": ["local"]})},
}
IMAGING: Rows = {
    "images": {"GET": READ},
    "image-dicom": {"GET": Row(action=Action.EXPORT)},
    "images-prepare": {"POST": Row(action=Action.CONFIRM_IMPORT, body={"scatter": "windows"})},
    "reference": {"POST": Row(action=Action.EDIT_REGISTRATION)},
}
IMPORTS: Rows = {
    "upload-proposal": {"GET": READ},
    "upload-confirm": {
        "POST": Row(
            action=Action.CONFIRM_IMPORT,
            body=lambda case: {
                "group": str(case.upload.pk),
                "patient": {"id": str(case.patient.pk)},
                "course": {"id": str(case.course.pk)},
                "cycle": {"number": 1},
                "time_points": [{"series": [str(case.series.pk)]}],
            },
        )
    },
    "upload-discard": {"POST": Row(action=Action.CONFIRM_IMPORT, body={})},
}
KINETICS: Rows = {
    "curves": {"GET": READ},
    "curves-start": {"POST": Row(action=Action.RUN_CALCULATION, body={})},
    "curves-accept": {"POST": Row(action=Action.EDIT_CURVES)},
    "curve-figure": {"GET": READ},
    "curve-choice": {"POST": Row(action=Action.EDIT_CURVES, body={"model": "mono", "is_accepted": True})},
    "exclusions": {
        "POST": Row(
            action=Action.EDIT_CURVES,
            body=lambda case: {
                "time_point_id": str(case.time_point.pk),
                "is_excluded": True,
                "reason": "patient moved",
            },
        )
    },
}
LABS: Rows = {
    "labs": {
        "POST": Row(
            action=Action.RECORD_LABS,
            body={"kind": "platelets", "value": 200.0, "unit": "10⁹/L", "taken_at": "2026-03-01T08:00:00Z"},
        )
    },
    "external-doses": {
        "POST": Row(
            action=Action.RECORD_EXTERNAL_DOSE,
            body={
                "region_name": "Kidney",
                "absorbed_dose_gy": 5.0,
                "modality": "external beam",
                "source": "letter",
            },
        )
    },
    "external-dose-withdraw": {"POST": Row(action=Action.RECORD_EXTERNAL_DOSE, body={"reason": "other patient"})},
    "external-dose-answer": {"POST": Row(action=Action.RECORD_EXTERNAL_DOSE, body={"answer": "listed"})},
}
LIMITS: Rows = {
    "limit-sets": {
        "GET": READ_SITE,
        "POST": Row(
            action=Action.EDIT_LIMITS,
            scope=SITE,
            body={
                "name": "New limits",
                "limits": [
                    {"region_name": "Kidney", "quantity": "absorbed_dose", "limit_gy": 23.0, "source": "guideline"}
                ],
            },
        ),
    },
    "limit-set-confirm": {"POST": Row(action=Action.CONFIRM_LIMITS, scope=SITE)},
    "templates": {
        "GET": READ_SITE,
        "POST": Row(
            action=Action.EDIT_TEMPLATES,
            scope=SITE,
            body={
                "name": "New template",
                "nuclide": "Lu-177",
                "agent": "DOTATATE",
                "n_cycles": 4,
                "interval_days": 56,
                "scan_times_h": [24.0],
            },
        ),
    },
    "template-confirm": {"POST": Row(action=Action.CONFIRM_TEMPLATES, scope=SITE)},
}
PLANS: Rows = {
    "plan": {"GET": READ},
    "plans": {"POST": Row(action=Action.EDIT_PLAN, body={})},
    "prescriptions": {
        "POST": Row(
            action=Action.PRESCRIBE,
            body={"activity": {"value": 7.4, "unit": "GBq"}, "password": PASSWORD, "digest": DIGEST},
        )
    },
    "prescription-countersign": {
        "POST": Row(action=Action.PRESCRIBE, body={"password": PASSWORD, "digest": DIGEST}),
    },
}
READINGS: Rows = {
    "second-readings": {
        "GET": READ,
        "POST": Row(
            action=Action.OPEN_READING,
            body=lambda case: {"start": "nothing", "reader_ids": [case.member.pk, case.member.pk]},
        ),
    },
    "second-reading": {"GET": READ},
    "second-reading-submit": {"POST": Row(action=Action.EDIT_CONTOURS)},
    "second-reading-cancel": {"POST": Row(action=Action.OPEN_READING, body={"reason": "reader is ill"})},
    "second-reading-adjudicate": {
        "POST": Row(
            action=Action.ADJUDICATE_READING,
            headers=IF_MATCH,
            body=lambda case: {"choices": [{"region_id": str(case.region.pk), "take": "union"}]},
        )
    },
}
REGIONS: Rows = {
    "regions": {"POST": Row(action=Action.EDIT_CONTOURS, body={"kind": "organ", "name": "Spleen"})},
    "region": {"PATCH": Row(action=Action.EDIT_CONTOURS, body={"name": "Kidney right"})},
}
REGISTRATIONS: Rows = {
    "registrations": {"GET": READ},
    "registration-start": {"POST": Row(action=Action.EDIT_REGISTRATION, body={})},
    "registration-nudge": {
        "POST": Row(
            action=Action.EDIT_REGISTRATION, body={"shift_mm": [1.0, 0.0, 0.0], "rotation_deg": [0.0, 0.0, 0.0]}
        )
    },
    "registration-decision": {"POST": Row(action=Action.EDIT_REGISTRATION, body={"decision": "accepted"})},
}
REPORTS: Rows = {
    "reports": {"GET": READ, "POST": Row(action=Action.EXPORT)},
    "report-pdf": {"GET": READ},
    "report-json": {"GET": READ},
}
REVIEWS: Rows = {
    "review": {"GET": READ},
    "signatures": {
        "POST": Row(
            action=Action.SIGN_CALCULATED, body={"meaning": "calculated", "digest": DIGEST, "password": PASSWORD}
        )
    },
    "comments": {"POST": Row(action=Action.COMMENT, body={"step": "dose", "text": "Please look."})},
    "warning-answers": {
        "POST": Row(
            action=Action.RUN_CALCULATION,
            body=lambda case: {
                "step": "dose",
                "source_id": str(case.calculation.pk),
                "code": "none",
                "answer": "Looked at.",
            },
        )
    },
}
RUNS: Rows = {
    "runs": {"GET": Row(scope=OWN)},
    "run": {"GET": READ},
    "run-cancel": {"POST": Row(action=Action.RUN_CALCULATION)},
}
SITES: Rows = {
    "people": {"GET": READ_SITE},
    "users": {
        "POST": Row(
            action=Action.MANAGE_USERS,
            scope=SITE,
            body={
                "username": "newcomer",
                "full_name": "New Comer",
                "password": "a long new password 7",
                "role": "reader",
            },
        )
    },
    "memberships": {
        "POST": Row(
            action=Action.MANAGE_USERS,
            scope=SITE,
            body=lambda case: {"user_id": case.member.pk, "role": "reader", "is_member": True},
        )
    },
}
UPLOADS: Rows = {
    "uploads": {
        "GET": Row(scope=OWN),
        "POST": Row(
            action=Action.IMPORT_SCANS,
            scope=SITE,
            body=lambda case: {"site_id": str(case.site.pk), "n_files": 1, "n_bytes": 100},
        ),
    },
    "upload": {"GET": READ},
    "upload-file": {
        "PUT": Row(
            action=Action.IMPORT_SCANS,
            body=b"file",
            headers={"Content-Digest": "sha-256=:PCPvjQxW88dHFgzl3kubMIoqJUsZ0kVhZM5Ys/s4Vo8=:"},
        )
    },
    "upload-complete": {"POST": Row(action=Action.IMPORT_SCANS)},
}
SERIES: Rows = {"series-preview": {"GET": READ}}
VOLUMES: Rows = {"volume-header": {"GET": READ}, "volume-voxels": {"GET": READ}}
WORKLIST: Rows = {
    "worklist": {"GET": Row(scope=OWN)},
    "cycle": {
        "GET": READ,
        "PATCH": Row(action=Action.ASSIGN, body={"due_at": "2026-03-09T08:00:00Z"}, headers={"If-Match": '"0"'}),
    },
}

API: Rows = (
    {"schema": {"GET": Row(scope=OWN)}}
    | ADMINISTRATIONS
    | AREAS
    | AUDIT
    | CALIBRATIONS
    | CONTOUR_ACTIONS
    | CONTOURS
    | DENSITY_CURVES
    | RECOVERY_CURVES
    | POPULATIONS
    | VIRTUAL_PATIENTS
    | COURSES
    | DOSES
    | IMAGING
    | IMPORTS
    | KINETICS
    | LABS
    | LIMITS
    | PLANS
    | READINGS
    | REGIONS
    | REGISTRATIONS
    | REPORTS
    | REVIEWS
    | RUNS
    | SITES
    | UPLOADS
    | SERIES
    | VOLUMES
    | WORKLIST
)

CYCLE_PAGES = ("guard", "registration", "contours", "readings", "kinetics", "dose", "sign", "plan", "report")
PAGES: Rows = {f"page-{name}": {"GET": READ} for name in (*CYCLE_PAGES, "confirm", "patient", "course")} | {
    name: {"GET": Row(scope=OWN)} for name in ("page-worklist", "page-import", "page-keys")
}
"""Pages of a case follow the visibility of the case; pages of settings are tested with the pages."""
OTHER_PAGES = {
    "page-site",
    "page-audit",
    "page-settings-cameras",
    "page-settings-limits",
    "page-settings-models",
    "page-settings-populations",
    "page-settings-templates",
    "page-settings-users",
    "page-settings-virtual",
}
