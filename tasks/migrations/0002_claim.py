"""The claim: one round trip, exactly the rules that must hold atomically.

Locks, in the order of the house: the worker's bench, her cursor, the place. No batch: whether it
still takes claims is asked once more by the statement that takes the place, and closing a batch
sweeps afterwards.
"""

from django.db import migrations

CLAIM = """
CREATE FUNCTION tasks_claim(
    p_worker bigint, p_batch bigint, p_now timestamptz, p_limit int, p_limit_offline int,
    p_pause interval,
    OUT outcome text, OUT assignment_id bigint
) LANGUAGE plpgsql AS $$
DECLARE
    b record;
    bench record;
    c record;
    p record;
    first_open int;
    walked boolean := false;
BEGIN
    SELECT id, client_id, head, lease_seconds,
           state = 'open' AND frozen_at IS NULL AND claims_stopped_at IS NULL AS takes_claims
      INTO b FROM tasks_batch WHERE id = p_batch;
    IF NOT FOUND OR NOT b.takes_claims THEN
        outcome := 'not_open';
        RETURN;
    END IF;

    INSERT INTO tasks_workbench (worker_id) VALUES (p_worker) ON CONFLICT DO NOTHING;
    SELECT offline INTO bench FROM tasks_workbench WHERE worker_id = p_worker FOR NO KEY UPDATE;
    IF (SELECT count(*) FROM tasks_assignment WHERE worker_id = p_worker AND state = 'claimed')
            >= (CASE WHEN bench.offline THEN p_limit_offline ELSE p_limit END) THEN
        outcome := 'claim_limit';
        RETURN;
    END IF;

    INSERT INTO tasks_cursor (batch_id, worker_id) VALUES (p_batch, p_worker)
        ON CONFLICT DO NOTHING;
    SELECT id, greatest(position, b.head - 1) AS position, skipped INTO c
      FROM tasks_cursor WHERE batch_id = p_batch AND worker_id = p_worker FOR NO KEY UPDATE;

    -- 1. What others gave back, of tasks she never held.
    SELECT pl.id, pl.task_id, pl.position INTO p FROM tasks_place pl
     WHERE pl.batch_id = p_batch AND pl.state = 'open' AND pl.returned_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM tasks_assignment a
                        WHERE a.worker_id = p_worker AND a.task_id = pl.task_id)
     ORDER BY pl.returned_at, pl.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;

    -- 2. The next untouched one past her cursor. Where another claim holds one just then she
    -- walks on, and comes back to it once nothing lies ahead.
    WHILE p.id IS NULL LOOP
        SELECT pl.position INTO first_open FROM tasks_place pl
         WHERE pl.batch_id = p_batch AND pl.state = 'open' AND pl.returned_at IS NULL
           AND pl.position > c.position
         ORDER BY pl.position, pl.round LIMIT 1;
        SELECT pl.id, pl.task_id, pl.position INTO p FROM tasks_place pl
         WHERE pl.batch_id = p_batch AND pl.state = 'open' AND pl.returned_at IS NULL
           AND pl.position > c.position
           AND NOT EXISTS (SELECT FROM tasks_assignment a
                            WHERE a.worker_id = p_worker AND a.task_id = pl.task_id
                              AND a.state NOT IN ('released', 'expired'))
         ORDER BY pl.position, pl.round LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
        IF p.id IS NOT NULL THEN
            IF first_open < p.position THEN
                c.skipped := least(c.skipped, first_open);
            END IF;
            c.position := p.position;
            EXIT;
        END IF;
        EXIT WHEN walked OR c.skipped IS NULL;
        c.position := greatest(c.skipped - 1, b.head - 1);
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
        VALUES (p.id, p.task_id, p_batch, b.client_id, p_worker, 'claimed', p_now, p_now,
            p_now + make_interval(secs => b.lease_seconds),
            p_now + make_interval(secs => b.lease_seconds) + p_pause, p_now)
        RETURNING id INTO assignment_id;
    outcome := 'claimed';
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("tasks", "0001_initial")]
    operations = [
        migrations.RunSQL(
            CLAIM,
            "DROP FUNCTION tasks_claim(bigint, bigint, timestamptz, int, int, interval)",
        )
    ]
