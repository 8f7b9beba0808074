from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('planning', '0022_reconstruction_of_a_factor'),
    ]

    operations = [
        migrations.AddField(
            model_name='quantifiedimage',
            name='replicates_sha256',
            field=models.CharField(blank=True, default='', max_length=64),
            preserve_default=False,
        ),
    ]
