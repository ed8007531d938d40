"""The one writer of events: a function, so that a hot path in the database can call it too.

`p_heard` says whether anybody listens to this kind: then each event is queued for delivery.
"""

from django.db import migrations

RECORD = """
CREATE FUNCTION core_record(
    p_kind text, p_by bigint, p_about text, p_ids bigint[], p_data jsonb, p_at timestamptz,
    p_heard boolean
) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
    made bigint[];
BEGIN
    WITH event AS (
        INSERT INTO core_event (kind, by_id, about_kind, about_id, data, at)
        SELECT p_kind, p_by, p_about, about_id, p_data, p_at FROM unnest(p_ids) AS about_id
        RETURNING id
    )
    SELECT array_agg(id) INTO made FROM event;
    IF p_heard THEN
        INSERT INTO core_outbox (event_id, attempts, due_at, error)
        SELECT id, 0, p_at, '' FROM unnest(made) AS id;
    END IF;
    RETURN QUERY SELECT unnest(made);
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0003_events_are_kept")]
    operations = [migrations.RunSQL(RECORD, "DROP FUNCTION core_record")]
