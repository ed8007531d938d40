"""What a dispute may move: compensation (R20), and the guarantee fund's word (R8)."""

from django.db import migrations

ADD = """
INSERT INTO payments_edge (kind, debit_kind, credit_kind, part) VALUES
    ('compensation', 'client', 'worker', ''),
    ('compensation', 'guarantee', 'worker', ''),
    ('compensation', 'receivable', 'guarantee', ''),
    ('debt_repaid', 'client', 'receivable', ''),
    ('guarantee_pay', 'guarantee', 'worker', ''),
    ('guarantee_pay', 'guarantee_cost', 'guarantee', '');
"""


class Migration(migrations.Migration):
    # Edges are kept: there is no way back that would not be a change of the books.
    dependencies = [("payments", "0003_settle")]
    operations = [migrations.RunSQL(ADD)]
