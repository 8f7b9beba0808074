"""Limit sets and therapy templates as the settings pages show them."""

from typing import Any

from planning.models import LimitSet, TherapyTemplate
from planning.selectors.quantities import quantity


def limit_set_summary(limit_set: LimitSet) -> dict[str, Any]:
    return {
        "id": str(limit_set.pk),
        "name": limit_set.name,
        "version": limit_set.version,
        **_confirmation(limit_set),
        "limits": [
            {
                "region_name": limit.region_name,
                "quantity": limit.quantity,
                "quantity_label": limit.get_quantity_display(),
                "limit": quantity(limit.limit_gy, unit="Gy", factor=1.0),
                "modality": limit.modality,
                "source": limit.source,
            }
            for limit in limit_set.limits.all()
        ],
    }


def template_summary(template: TherapyTemplate) -> dict[str, Any]:
    return {
        "id": str(template.pk),
        "name": template.name,
        "version": template.version,
        "nuclide": template.nuclide,
        "agent": template.agent,
        "label_activity": quantity(template.label_activity_bq, unit="GBq", factor=1e9),
        "label_source": template.label_source,
        "hard_limit_activity": quantity(template.hard_limit_activity_bq, unit="GBq", factor=1e9),
        "n_cycles": template.n_cycles,
        "interval_days": template.interval_days,
        "scan_times_h": template.scan_times_h,
        "radiobiology": template.radiobiology,
        "sources": template.sources,
        **_confirmation(template),
    }


def _confirmation(row: LimitSet | TherapyTemplate) -> dict[str, Any]:
    return {
        "is_confirmed": row.is_confirmed,
        "confirmed_by": row.confirmed_by.printed_name if row.confirmed_by else None,
        "confirmed_at": row.confirmed_at and row.confirmed_at.isoformat(),
        "author": row.created_by.printed_name if row.created_by else "system",
        "created_at": row.created_at.isoformat(),
    }
