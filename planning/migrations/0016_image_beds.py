"""An image names the series that it was made from: one, or the beds of a scan."""

from django.db import migrations, models


def name_the_beds(apps, schema_editor):
    """Images of before named their first bed only; where beds were joined, their steps say so."""
    for image in apps.get_model("planning", "QuantifiedImage").objects.all():
        rows = [image.emission_series_id]
        if any("beds joined" in step for step in image.steps):
            series = apps.get_model("planning", "Series").objects.filter(
                time_point=image.time_point_id,
                kind="projections",
                is_discarded=False,
                created_at__lte=image.created_at,
            )
            rows += series.values_list("pk", flat=True)
        image.beds.set(set(rows))


class Migration(migrations.Migration):
    dependencies = [("planning", "0015_virtual_patients_and_measurements")]

    operations = [
        migrations.AddField(
            model_name="quantifiedimage",
            name="beds",
            field=models.ManyToManyField(related_name="+", to="planning.series"),
        ),
        migrations.RunPython(name_the_beds, migrations.RunPython.noop),
    ]
