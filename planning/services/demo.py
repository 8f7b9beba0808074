"""The demo site: people of every role, limits, a template, a camera, laboratory values.

Values are starting points from the design's list of published prior art; the demo site has confirmed them, a clinic
must confirm its own.
"""

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from planning.computation.networks import shipped_networks
from planning.errors import ConflictError
from planning.models import LabResult, LimitSet, Patient, Site, User
from planning.models.sites import Membership, Role
from planning.services.audit import audit_record
from planning.services.limits import limit_set_confirm, limit_set_create, template_confirm, template_create
from planning.services.networks import network_decide

SITE_NAME = "Demo hospital, nuclear medicine"
PEOPLE = (
    ("technologist", "Technologist A", (Role.TECHNOLOGIST,)),
    ("editor", "Editor A", (Role.CONTOUR_EDITOR,)),
    ("physicist.a", "Physicist A", (Role.PHYSICIST,)),
    ("physicist.b", "Physicist B", (Role.PHYSICIST,)),
    ("physician", "Physician A", (Role.PHYSICIAN,)),
    ("prescriber", "Prescriber A", (Role.PHYSICIAN, Role.PRESCRIBER)),
    ("reader", "Reader A", (Role.READER,)),
    ("researcher", "Researcher A", (Role.RESEARCHER,)),
    ("quality", "Quality lead A", (Role.QUALITY_LEAD,)),
    ("siteadmin", "Site administrator A", (Role.SITE_ADMINISTRATOR,)),
    ("auditor", "Auditor A", (Role.AUDITOR,)),
)
LIMITS = (
    ("Kidney", "absorbed_dose", 23.0, "external beam tradition", "EANM guidance 2022; to be confirmed by the site"),
    ("Kidney", "bed", 40.0, "no risk factors", "Trial practice, alpha/beta 2.6 Gy; to be confirmed by the site"),
    ("Red marrow", "absorbed_dose", 2.0, "radionuclide therapy", "EANM guidance; to be confirmed by the site"),
    ("Liver", "absorbed_dose", 30.0, "external beam", "QUANTEC mean liver dose; to be confirmed by the site"),
    ("Spleen", "absorbed_dose", 50.0, "radionuclide therapy", "Site convention; to be confirmed by the site"),
)
RADIOBIOLOGY = {
    "between_cycles": {"cv": 0.15, "source": "assumption of the demo site, to be replaced by a clinic's own spread"},
    "Kidney": {"alpha_beta_gy": 2.6, "repair_half_time_h": 2.8, "source": "MIRD Pamphlet 20; to be confirmed"},
    "Liver": {"alpha_beta_gy": 2.75, "repair_half_time_h": 2.5, "source": "physics reference; to be confirmed"},
    "organ": {"alpha_beta_gy": 3.0, "repair_half_time_h": 2.5, "source": "physics reference; to be confirmed"},
    "lesion": {"alpha_beta_gy": 10.0, "repair_half_time_h": 1.5, "source": "physics reference; to be confirmed"},
}


@transaction.atomic
def demo_site_create() -> tuple[Site, dict[str, str]]:
    """Create the demo site once; return it and the passwords of the people made now (empty when it existed)."""
    site, is_new = Site.objects.get_or_create(name=SITE_NAME, defaults={"time_zone": "Europe/Berlin"})
    if not is_new:
        return site, {}
    _require_free_names()
    passwords = {}
    for username, printed_name, roles in PEOPLE:
        password = secrets.token_urlsafe(9)
        user = User.objects.create_user(username=username, password=password, full_name=printed_name)
        Membership.objects.bulk_create(Membership(user=user, site=site, role=role) for role in roles)
        passwords[username] = password
    _add_settings(site)
    return site, passwords


@transaction.atomic
def demo_passwords_renew(*, site: Site) -> dict[str, str]:
    """Give the people of the demo site new passwords: those of a demo that was not finished are known to nobody."""
    passwords = {}
    for username, _, _ in PEOPLE:
        user = User.objects.filter(username=username, memberships__site=site).distinct().get()
        passwords[username] = secrets.token_urlsafe(9)
        user.set_password(passwords[username])
        user.save(update_fields=["password"])
        audit_record(actor=None, action="demo.password", target=user, site=site)
    return passwords


def demo_case_is_complete(*, site: Site, patient_id: str) -> bool:
    """Tell whether the demo patient was made to the end: laboratory values come last."""
    return LabResult.objects.filter(patient__site=site, patient__patient_id=patient_id).exists()


def _require_free_names() -> None:
    """Refuse to make the demo where somebody else has the user name of one of its people."""
    names = [username for username, _, _ in PEOPLE]
    taken = list(User.objects.filter(username__in=names).order_by("username").values_list("username", flat=True))
    if taken:
        raise ConflictError(
            f"This database already has users named {', '.join(taken)}, which the demo needs for its own people; "
            "nothing was changed. For the demo set DATA_DIR to an empty folder, or DATABASE_NAME to an empty one.",
            code="demo_names_taken",
        )


def _add_settings(site: Site) -> None:
    author = User.objects.get(username="siteadmin")
    confirmer = User.objects.get(username="quality")
    limits = [
        {"region_name": region, "quantity": quantity, "limit_gy": gray, "modality": modality, "source": source}
        for region, quantity, gray, modality, source in LIMITS
    ]
    limit_set: LimitSet = limit_set_create(actor=author, site=site, name="Demo limits", limits=limits)
    limit_set_confirm(actor=confirmer, limit_set=limit_set)
    template = template_create(
        actor=author,
        site=site,
        fields={
            "name": "177Lu-DOTATATE",
            "nuclide": "Lu-177",
            "agent": "DOTATATE",
            "label_activity_bq": 7.4e9,
            "label_source": "Product label, four cycles of 7.4 GBq; confirmed for the demo site",
            "n_cycles": 4,
            "interval_days": 56,
            "scan_times_h": [24.0, 96.0, 168.0],
            "radiobiology": RADIOBIOLOGY,
            "sources": ["Product label", "EANM guidance 2022, doi 10.1007/s00259-022-05727-7"],
        },
    )
    template_confirm(actor=confirmer, template=template)
    for network in shipped_networks():
        network_decide(
            actor=confirmer, site=site, name=network.name, enable=True, reason="Demo site: nothing here is a patient."
        )


@transaction.atomic
def demo_labs_add(*, patient: Patient) -> None:
    """Give the demo patient laboratory values; none when there are any."""
    if patient.lab_results.exists():
        return
    now = timezone.now()
    rows = (
        ("platelets", "10⁹/L", (221.0, 208.0, 190.0, 197.0)),
        ("haemoglobin", "g/dL", (13.1, 12.8, 12.4, 12.5)),
        ("egfr", "mL/min/1.73 m²", (78.0, 77.0, 74.0, 75.0)),
    )
    days = (70, 42, 18, 3)
    LabResult.objects.bulk_create(
        LabResult(patient=patient, kind=kind, value=value, unit=unit, taken_at=now - timedelta(days=day))
        for kind, unit, values in rows
        for day, value in zip(days, values, strict=True)
    )
