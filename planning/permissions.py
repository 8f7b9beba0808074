"""Who may do what: one table, checked in every service. Roles are held per site."""

from enum import StrEnum

from planning.errors import NotAllowedError
from planning.models.sites import Role
from planning.selectors.sites import roles_of


class Action(StrEnum):
    VIEW_PATIENT = "view_patient"
    IMPORT_SCANS = "import_scans"
    CONFIRM_IMPORT = "confirm_import"
    RECORD_ADMINISTRATION = "record_administration"
    RECORD_LABS = "record_labs"
    RECORD_EXTERNAL_DOSE = "record_external_dose"
    ASSIGN = "assign"
    RUN_CALCULATION = "run_calculation"
    EDIT_REGISTRATION = "edit_registration"
    EDIT_CONTOURS = "edit_contours"
    ACCEPT_CONTOURS = "accept_contours"
    OPEN_READING = "open_reading"
    ADJUDICATE_READING = "adjudicate_reading"
    EDIT_CURVES = "edit_curves"
    EDIT_PLAN = "edit_plan"
    SIGN_CALCULATED = "sign_calculated"
    SIGN_REVIEWED = "sign_reviewed"
    SIGN_RETURNED = "sign_returned"
    SIGN_APPROVED = "sign_approved"
    SIGN_WITHDRAWN = "sign_withdrawn"
    PRESCRIBE = "prescribe"
    COMMENT = "comment"
    EXPORT = "export"
    EDIT_LIMITS = "edit_limits"
    CONFIRM_LIMITS = "confirm_limits"
    EDIT_TEMPLATES = "edit_templates"
    CONFIRM_TEMPLATES = "confirm_templates"
    EDIT_CALIBRATION = "edit_calibration"
    CONFIRM_CALIBRATION = "confirm_calibration"
    ENABLE_NETWORKS = "enable_networks"
    MANAGE_USERS = "manage_users"
    VIEW_AUDIT = "view_audit"


CLINICAL = {Role.TECHNOLOGIST, Role.CONTOUR_EDITOR, Role.PHYSICIST, Role.PHYSICIAN, Role.PRESCRIBER}
TABLE: dict[Action, set[Role]] = {
    Action.VIEW_PATIENT: CLINICAL | {Role.READER},
    Action.IMPORT_SCANS: {Role.TECHNOLOGIST, Role.PHYSICIST},
    Action.CONFIRM_IMPORT: {Role.TECHNOLOGIST, Role.PHYSICIST},
    Action.RECORD_ADMINISTRATION: {Role.TECHNOLOGIST, Role.PHYSICIST},
    Action.RECORD_LABS: {Role.TECHNOLOGIST, Role.PHYSICIST, Role.PHYSICIAN, Role.PRESCRIBER},
    Action.RECORD_EXTERNAL_DOSE: {Role.PHYSICIST, Role.PHYSICIAN, Role.PRESCRIBER},
    Action.ASSIGN: CLINICAL,
    Action.RUN_CALCULATION: {Role.PHYSICIST},
    Action.EDIT_REGISTRATION: {Role.PHYSICIST},
    Action.EDIT_CONTOURS: {Role.CONTOUR_EDITOR, Role.PHYSICIST, Role.PHYSICIAN},
    Action.ACCEPT_CONTOURS: {Role.CONTOUR_EDITOR, Role.PHYSICIST, Role.PHYSICIAN},
    Action.OPEN_READING: {Role.PHYSICIST, Role.PHYSICIAN},
    Action.ADJUDICATE_READING: {Role.PHYSICIST, Role.PHYSICIAN},
    Action.EDIT_CURVES: {Role.PHYSICIST},
    Action.EDIT_PLAN: {Role.PHYSICIST, Role.PHYSICIAN, Role.PRESCRIBER},
    Action.SIGN_CALCULATED: {Role.PHYSICIST},
    Action.SIGN_REVIEWED: {Role.PHYSICIST},
    Action.SIGN_RETURNED: {Role.PHYSICIST, Role.PHYSICIAN},
    Action.SIGN_APPROVED: {Role.PHYSICIAN},
    Action.SIGN_WITHDRAWN: {Role.PHYSICIST, Role.PHYSICIAN},
    Action.PRESCRIBE: {Role.PRESCRIBER},
    Action.COMMENT: CLINICAL | {Role.READER},
    Action.EXPORT: {Role.PHYSICIST, Role.PHYSICIAN, Role.PRESCRIBER},
    Action.EDIT_LIMITS: {Role.SITE_ADMINISTRATOR, Role.PHYSICIST},
    Action.CONFIRM_LIMITS: {Role.QUALITY_LEAD},
    Action.EDIT_TEMPLATES: {Role.SITE_ADMINISTRATOR, Role.PHYSICIST},
    Action.CONFIRM_TEMPLATES: {Role.QUALITY_LEAD},
    Action.EDIT_CALIBRATION: {Role.SITE_ADMINISTRATOR, Role.PHYSICIST},
    Action.CONFIRM_CALIBRATION: {Role.QUALITY_LEAD},
    Action.ENABLE_NETWORKS: {Role.QUALITY_LEAD},
    Action.MANAGE_USERS: {Role.SITE_ADMINISTRATOR},
    Action.VIEW_AUDIT: {Role.AUDITOR, Role.QUALITY_LEAD},
}


def is_allowed(*, user, action: Action, site) -> bool:
    return bool(set(roles_of(user=user, site=site)) & TABLE[action])


def require(*, user, action: Action, site) -> None:
    """Raise NotAllowedError unless a role of the user at the site permits the action."""
    if not is_allowed(user=user, action=action, site=site):
        names = ", ".join(sorted(Role(role).label for role in TABLE[action]))
        raise NotAllowedError(f"Your roles at this site do not permit this. It needs: {names}.")


def acting_role(*, user, action: Action, site) -> str:
    """Return the role in which a permitted action is done, for signatures."""
    return min(set(roles_of(user=user, site=site)) & TABLE[action])


def allowed_actions(*, user, site) -> list[str]:
    roles = set(roles_of(user=user, site=site))
    return sorted(action for action, permitted in TABLE.items() if roles & permitted)
