from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('planning', '0021_calibration_line'),
    ]

    operations = [
        migrations.AddField(
            model_name='quantifiedimage',
            name='replicates_sha256',
            field=models.CharField(blank=True, default='', max_length=64),
            preserve_default=False,
        ),
    ]
