"""An event is never changed nor deleted by the product."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("core", "0002_events")]
    operations = [
        migrations.RunSQL(
            "REVOKE UPDATE, DELETE, TRUNCATE ON core_event FROM fairclick_runtime",
            "GRANT UPDATE, DELETE ON core_event TO fairclick_runtime",
        )
    ]
