"""Every model under one name."""

from planning.models.audit import AuditHead, AuditRecord
from planning.models.calibration_measurements import CalibrationMeasurement
from planning.models.contour_actions import ContourAction
from planning.models.contours import ContourDraft, ContourRevision, Region, RegionContour
from planning.models.courses import Administration, Course, Cycle, TherapyTemplate, TimePoint
from planning.models.doses import DoseCalculation, DoseEngine, EngineDose, RegionDose
from planning.models.imaging import CalibrationFactor, DensityCurve, QuantifiedImage, Series, SeriesFile, VolumeAsset
from planning.models.kinetics import CurveChoice, CurveRevision, PointExclusion, RegionCurve
from planning.models.networks import NetworkDecision
from planning.models.patients import ExternalDose, LabResult, Patient
from planning.models.plans import DoseLimit, LimitSet, Plan, Prescription
from planning.models.populations import Population
from planning.models.readings import ReaderCopy, SecondReading
from planning.models.recovery_curves import RecoveryCurve
from planning.models.registrations import Registration
from planning.models.reviews import Comment, CycleResult, Report, Signature, WarningAnswer
from planning.models.runs import Run
from planning.models.sites import Membership, Site, User
from planning.models.uploads import Upload, UploadFile
from planning.models.virtual_patients import VirtualPatient

__all__ = [
    "Administration",
    "AuditHead",
    "AuditRecord",
    "CalibrationFactor",
    "CalibrationMeasurement",
    "Comment",
    "ContourAction",
    "ContourDraft",
    "ContourRevision",
    "Course",
    "CurveChoice",
    "CurveRevision",
    "Cycle",
    "CycleResult",
    "DensityCurve",
    "DoseCalculation",
    "DoseEngine",
    "DoseLimit",
    "EngineDose",
    "ExternalDose",
    "LabResult",
    "LimitSet",
    "Membership",
    "NetworkDecision",
    "Patient",
    "Plan",
    "PointExclusion",
    "Population",
    "Prescription",
    "QuantifiedImage",
    "ReaderCopy",
    "RecoveryCurve",
    "Region",
    "RegionContour",
    "RegionCurve",
    "RegionDose",
    "Registration",
    "Report",
    "Run",
    "SecondReading",
    "Series",
    "SeriesFile",
    "Signature",
    "Site",
    "TherapyTemplate",
    "TimePoint",
    "Upload",
    "UploadFile",
    "User",
    "VirtualPatient",
    "VolumeAsset",
    "WarningAnswer",
]
