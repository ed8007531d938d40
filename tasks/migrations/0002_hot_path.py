"""The hot path: a claim, an answer and an approval are one call each.

The functions hold exactly the rules that must be atomic. They return whole rows, so that nobody
reads them again (core/loading.py), and their plans are kept: planning joins this wide costs more
than running them. What may move is asked of the caller, whose table (tasks/states.py) stays the
only list. They run with the rights of their caller.

A claim locks no batch: whether it still takes claims is asked once more by the statement that takes
the place, and closing a batch sweeps afterwards.
"""

from django.db import migrations

# Locks, in the order of the house: the worker's bench, her cursor, the place. Bench and cursor
# are looked for before they are made: from the second claim on they are there.
CLAIM = """
CREATE FUNCTION tasks_claim(
    p_worker bigint, p_batch bigint, p_now timestamptz, p_limit int, p_limit_offline int,
    p_pause interval, p_heard boolean,
    OUT outcome text, OUT assignment tasks_assignment, OUT task tasks_task, OUT batch tasks_batch
) LANGUAGE plpgsql AS $$
DECLARE
    is_offline boolean;
    c record;
    p record;
    passed int;
    walked boolean := false;
BEGIN
    SELECT * INTO batch FROM tasks_batch WHERE id = p_batch;
    IF NOT FOUND OR batch.state <> 'open' OR batch.frozen_at IS NOT NULL
            OR batch.claims_stopped_at IS NOT NULL THEN
        outcome := 'not_open';
        RETURN;
    END IF;

    LOOP
        SELECT offline INTO is_offline FROM tasks_workbench
         WHERE worker_id = p_worker FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO tasks_workbench (worker_id) VALUES (p_worker) ON CONFLICT DO NOTHING;
    END LOOP;
    IF (SELECT count(*) FROM tasks_assignment WHERE worker_id = p_worker AND state = 'claimed')
            >= (CASE WHEN is_offline THEN p_limit_offline ELSE p_limit END) THEN
        outcome := 'claim_limit';
        RETURN;
    END IF;

    LOOP
        SELECT id, greatest(position, batch.head - 1) AS position, skipped INTO c
          FROM tasks_cursor WHERE batch_id = p_batch AND worker_id = p_worker FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO tasks_cursor (batch_id, worker_id) VALUES (p_batch, p_worker)
            ON CONFLICT DO NOTHING;
    END LOOP;

    -- 1. What others gave back, of tasks she never held.
    SELECT pl.id, pl.task_id, pl.position INTO p FROM tasks_place pl
     WHERE pl.batch_id = p_batch AND pl.state = 'open' AND pl.returned_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM tasks_assignment a
                        WHERE a.worker_id = p_worker AND a.task_id = pl.task_id)
     ORDER BY pl.returned_at, pl.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;

    -- 2. The next untouched one past her cursor. Where another claim holds one just then she
    -- walks on, and comes back to it once nothing lies ahead.
    WHILE p.id IS NULL LOOP
        SELECT pl.id, pl.task_id, pl.position INTO p FROM tasks_place pl
         WHERE pl.batch_id = p_batch AND pl.state = 'open' AND pl.returned_at IS NULL
           AND pl.position > c.position
           AND NOT EXISTS (SELECT FROM tasks_assignment a
                            WHERE a.worker_id = p_worker AND a.task_id = pl.task_id
                              AND a.state NOT IN ('released', 'expired'))
         ORDER BY pl.position, pl.round LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
        IF p.id IS NOT NULL THEN
            IF p.position > c.position + 1 THEN
                SELECT pl.position INTO passed FROM tasks_place pl
                 WHERE pl.batch_id = p_batch AND pl.state = 'open' AND pl.returned_at IS NULL
                   AND pl.position > c.position AND pl.position < p.position
                 ORDER BY pl.position, pl.round LIMIT 1;
                c.skipped := least(c.skipped, passed);
            END IF;
            c.position := p.position;
            EXIT;
        END IF;
        EXIT WHEN walked OR c.skipped IS NULL;
        c.position := greatest(c.skipped - 1, batch.head - 1);
        c.skipped := NULL;
        walked := true;
    END LOOP;

    -- 3. Last, what she herself gave back or let expire.
    IF p.id IS NULL THEN
        SELECT pl.id, pl.task_id, pl.position INTO p FROM tasks_place pl
         WHERE pl.batch_id = p_batch AND pl.state = 'open' AND pl.returned_at IS NOT NULL
           AND NOT EXISTS (SELECT FROM tasks_assignment a
                            WHERE a.worker_id = p_worker AND a.task_id = pl.task_id
                              AND a.state NOT IN ('released', 'expired'))
         ORDER BY pl.returned_at, pl.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    END IF;

    UPDATE tasks_cursor SET position = c.position, skipped = c.skipped WHERE id = c.id;
    IF p.id IS NULL THEN
        outcome := 'nothing_left';
        RETURN;
    END IF;

    UPDATE tasks_place SET state = 'taken', returned_at = NULL
     WHERE id = p.id AND state = 'open'
       AND EXISTS (SELECT FROM tasks_batch WHERE id = p_batch AND state = 'open'
                     AND frozen_at IS NULL AND claims_stopped_at IS NULL);
    IF NOT FOUND THEN
        outcome := 'not_open';
        RETURN;
    END IF;
    INSERT INTO tasks_assignment (place_id, task_id, batch_id, client_id, worker_id, state,
            claimed_at, last_seen_at, lease_ends_at, due_at, moved_at)
        VALUES (p.id, p.task_id, p_batch, batch.client_id, p_worker, 'claimed', p_now, p_now,
            p_now + make_interval(secs => batch.lease_seconds),
            p_now + make_interval(secs => batch.lease_seconds) + p_pause, p_now)
        RETURNING * INTO assignment;
    SELECT * INTO task FROM tasks_task WHERE id = p.task_id;
    PERFORM core_record('assignment.claimed', p_worker, 'assignment', ARRAY[assignment.id],
        jsonb_build_object('batch', p_batch, 'place', p.id), p_now, p_heard);
    outcome := 'claimed';
END
$$
"""

# The sum stops where it has passed the bound, so that it asks no more of a worker who has a
# thousand answers waiting than of one who has a few hundred (R11).
OWN = """
CREATE FUNCTION tasks_own(
    p_assignment bigint, p_worker bigint, p_bound bigint,
    OUT exposure bigint, OUT assignment tasks_assignment, OUT task tasks_task, OUT batch tasks_batch
) LANGUAGE plpgsql AS $$
DECLARE
    waiting bigint;
BEGIN
    SELECT * INTO assignment FROM tasks_assignment
     WHERE id = p_assignment AND worker_id = p_worker FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO task FROM tasks_task WHERE id = assignment.task_id;
    SELECT * INTO batch FROM tasks_batch WHERE id = assignment.batch_id;
    exposure := 0;
    IF p_bound > 0 THEN
        FOR waiting IN
            SELECT b.reward FROM tasks_assignment a JOIN tasks_batch b ON b.id = a.batch_id
             WHERE a.worker_id = p_worker AND a.client_id = assignment.client_id
               AND a.state = 'submitted'
        LOOP
            exposure := exposure + waiting;
            EXIT WHEN exposure > p_bound;
        END LOOP;
    END IF;
END
$$
"""

SUBMIT = """
CREATE FUNCTION tasks_submit(
    p_assignment bigint, p_from text[], p_to text, p_key text, p_content jsonb, p_now timestamptz,
    p_review_due timestamptz, p_last_seen timestamptz, p_lease_ends timestamptz, p_active int,
    p_heard boolean
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    worker bigint;
BEGIN
    UPDATE tasks_assignment
       SET state = p_to, submit_key = p_key, submitted_at = p_now, review_due_at = p_review_due,
           moved_at = p_now, last_seen_at = p_last_seen, lease_ends_at = p_lease_ends,
           active_seconds = p_active
     WHERE id = p_assignment AND state = ANY(p_from) RETURNING worker_id INTO worker;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO tasks_answer (assignment_id, content, submitted_at)
        VALUES (p_assignment, p_content, p_now)
        ON CONFLICT (assignment_id) DO UPDATE
            SET content = excluded.content, submitted_at = excluded.submitted_at;
    DELETE FROM tasks_draft WHERE assignment_id = p_assignment;
    PERFORM core_record('assignment.submitted', worker, 'assignment', ARRAY[p_assignment], '{}',
        p_now, p_heard);
    RETURN true;
END
$$
"""

# For one and for 5,000, which the caller has locked in the order of their ids.
APPROVE = """
CREATE FUNCTION tasks_approve(
    p_ids bigint[], p_from text[], p_to text, p_place text, p_by bigint, p_now timestamptz
) RETURNS TABLE (id bigint, batch_id bigint, place_id bigint, worker_id bigint)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY WITH moved AS (
        UPDATE tasks_assignment a
           SET state = p_to, decided_at = p_now, decided_by_id = p_by, moved_at = p_now,
               approved_xid = pg_current_xact_id()::text::bigint
         WHERE a.id = ANY(p_ids) AND a.state = ANY(p_from)
        RETURNING a.id, a.batch_id, a.place_id, a.worker_id
    ), settled AS (
        UPDATE tasks_place p SET state = p_place FROM moved WHERE p.id = moved.place_id
    )
    SELECT moved.id, moved.batch_id, moved.place_id, moved.worker_id FROM moved ORDER BY moved.id;
END
$$
"""

# One submitted assignment of a client, if it may move: it comes back as it is either way.
APPROVE_ONE = """
CREATE FUNCTION tasks_approve_one(
    p_assignment bigint, p_client bigint, p_from text[], p_to text, p_place text, p_by bigint,
    p_now timestamptz,
    OUT moved boolean, OUT assignment tasks_assignment, OUT task tasks_task
) LANGUAGE plpgsql AS $$
BEGIN
    SELECT * INTO assignment FROM tasks_assignment
     WHERE id = p_assignment AND client_id = p_client FOR NO KEY UPDATE;
    moved := assignment.state = ANY(p_from);
    IF moved THEN
        PERFORM tasks_approve(ARRAY[p_assignment], p_from, p_to, p_place, p_by, p_now);
        SELECT * INTO assignment FROM tasks_assignment WHERE id = p_assignment;
        SELECT * INTO task FROM tasks_task WHERE id = assignment.task_id;
    END IF;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("tasks", "0001_initial"), ("core", "0004_record")]
    operations = [
        migrations.RunSQL(CLAIM, "DROP FUNCTION tasks_claim"),
        migrations.RunSQL(OWN, "DROP FUNCTION tasks_own"),
        migrations.RunSQL(SUBMIT, "DROP FUNCTION tasks_submit"),
        migrations.RunSQL(APPROVE, "DROP FUNCTION tasks_approve"),
        migrations.RunSQL(APPROVE_ONE, "DROP FUNCTION tasks_approve_one"),
    ]
