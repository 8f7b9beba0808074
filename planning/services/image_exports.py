"""Images that leave the product as DICOM."""

from django.db import transaction

from planning import permissions
from planning.computation.image_exports import reconstruction_as_nm
from planning.errors import InvalidStateError
from planning.models import QuantifiedImage, User
from planning.permissions import Action
from planning.selectors.imaging import is_reconstructed
from planning.services.audit import audit_record


@transaction.atomic
def image_export(*, actor: User, image: QuantifiedImage) -> bytes:
    """Return a reconstructed image as a DICOM NM object; what the camera reconstructed is with the camera already."""
    cycle = image.time_point.cycle
    permissions.require(user=actor, action=Action.EXPORT, site=cycle.site)
    if not is_reconstructed(image):
        raise InvalidStateError(
            "The camera reconstructed this image; take its DICOM from where it was sent.", code="not_reconstructed"
        )
    content = reconstruction_as_nm(image)
    audit_record(actor=actor, action="image.download_dicom", target=image, site=cycle.site, patient=cycle.patient)
    return content
