"""Sealed review in the database: who may read an answer, the sample, and who may claim.

Row-level security is the last wall of R5 and R6: the role `fairclick_client`, as which every
answer for a client is read (tasks/selectors/answers.py), sees the answers that are paid for, and
those being reviewed that were opened, of the client named for the transaction, and no others,
whatever the query says. `manage.py make_roles` makes the role.

The hot functions of 0002 follow: a claim asks for suspensions and exclusions (R16), a submission
draws the sample (R5) and notes how a known answer went.
"""

from django.db import migrations

READABLE = """
ALTER TABLE tasks_answer ENABLE ROW LEVEL SECURITY;
CREATE POLICY answer_for_runtime ON tasks_answer TO fairclick_runtime
    USING (true) WITH CHECK (true);
CREATE POLICY answer_for_clients ON tasks_answer FOR SELECT TO fairclick_client USING (
    EXISTS (
        SELECT FROM tasks_assignment a
         WHERE a.id = tasks_answer.assignment_id
           AND a.client_id = nullif(current_setting('fairclick.client', true), '')::bigint
           AND (a.state = 'approved' OR a.state = 'submitted'
                AND EXISTS (SELECT FROM tasks_opening o WHERE o.assignment_id = a.id))
    )
);
GRANT SELECT ON tasks_answer, tasks_assignment, tasks_task, tasks_place, tasks_opening
    TO fairclick_client;
-- Reports are made of counts.
REVOKE SELECT ON tasks_answer, tasks_draft, tasks_archived, tasks_gold FROM fairclick_reader;
-- That somebody looked, and that something was erased, stays.
REVOKE UPDATE, DELETE ON tasks_opening, tasks_erasure FROM fairclick_runtime;
"""
UNREADABLE = """
GRANT UPDATE, DELETE ON tasks_opening, tasks_erasure TO fairclick_runtime;
GRANT SELECT ON tasks_answer, tasks_draft, tasks_archived, tasks_gold TO fairclick_reader;
REVOKE SELECT ON tasks_answer, tasks_assignment, tasks_task, tasks_place, tasks_opening
    FROM fairclick_client;
DROP POLICY answer_for_clients ON tasks_answer;
DROP POLICY answer_for_runtime ON tasks_answer;
ALTER TABLE tasks_answer DISABLE ROW LEVEL SECURITY;
"""

# Batches published before there were samples: the first places are those submitted from now on.
COUNTS = """
INSERT INTO tasks_samplecount (batch_id, first)
SELECT id, 0 FROM tasks_batch WHERE state <> 'draft'
"""

CLAIM = """
CREATE OR REPLACE FUNCTION tasks_claim(
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
    -- Two unique look-ups, empty for nearly everybody (R16).
    IF EXISTS (SELECT FROM accounts_suspension WHERE user_id = p_worker AND ended_at IS NULL) THEN
        outcome := 'suspended';
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM tasks_exclusion WHERE batch_id = p_batch AND worker_id = p_worker) THEN
        outcome := 'excluded';
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

DROP_OWN = "DROP FUNCTION tasks_own(bigint, bigint, bigint)"
OWN = """
CREATE FUNCTION tasks_own(
    p_assignment bigint, p_worker bigint, p_bound bigint,
    OUT exposure bigint, OUT assignment tasks_assignment, OUT task tasks_task, OUT batch tasks_batch,
    OUT gold jsonb
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
    SELECT answer INTO gold FROM tasks_gold WHERE task_id = assignment.task_id;
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

DROP_SUBMIT = """
DROP FUNCTION tasks_submit(bigint, text[], text, text, jsonb, timestamptz, timestamptz, timestamptz,
    timestamptz, int, boolean)
"""
# The first places of a batch queue for one row, twenty times; from then on nobody locks it.
SUBMIT = """
CREATE FUNCTION tasks_submit(
    p_assignment bigint, p_from text[], p_to text, p_key text, p_content jsonb, p_now timestamptz,
    p_review_due timestamptz, p_last_seen timestamptz, p_lease_ends timestamptz, p_active int,
    p_heard boolean, p_first int, p_drawn boolean, p_passed boolean
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_worker bigint;
    v_batch bigint;
    v_place bigint;
    early boolean;
BEGIN
    UPDATE tasks_assignment
       SET state = p_to, submit_key = p_key, submitted_at = p_now, review_due_at = p_review_due,
           moved_at = p_now, last_seen_at = p_last_seen, lease_ends_at = p_lease_ends,
           active_seconds = p_active
     WHERE id = p_assignment AND state = ANY(p_from) 
    RETURNING worker_id, batch_id, place_id INTO v_worker, v_batch, v_place;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO tasks_answer (assignment_id, content, submitted_at)
        VALUES (p_assignment, p_content, p_now)
        ON CONFLICT (assignment_id) DO UPDATE
            SET content = excluded.content, submitted_at = excluded.submitted_at;
    IF p_passed IS NOT NULL THEN
        INSERT INTO tasks_goldcheck (assignment_id, batch_id, worker_id, passed, at)
            VALUES (p_assignment, v_batch, v_worker, p_passed, p_now)
            ON CONFLICT (assignment_id) DO UPDATE SET passed = excluded.passed, at = excluded.at;
    END IF;
    IF NOT EXISTS (SELECT FROM tasks_sampled WHERE place_id = v_place) THEN
        UPDATE tasks_samplecount SET first = first + 1
         WHERE batch_id = v_batch AND first < p_first RETURNING true INTO early;
        IF early OR p_drawn THEN
            INSERT INTO tasks_sampled (place_id, batch_id, drawn)
                VALUES (v_place, v_batch, early IS NULL);
        END IF;
    END IF;
    DELETE FROM tasks_draft WHERE assignment_id = p_assignment;
    PERFORM core_record('assignment.submitted', v_worker, 'assignment', ARRAY[p_assignment], '{}',
        p_now, p_heard);
    RETURN true;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("tasks", "0003_sealed_review"), ("accounts", "0003_suspension")]
    # The functions of 0002 are not brought back: what goes before 0003 goes before 0002.
    operations = [
        migrations.RunSQL(READABLE, UNREADABLE),
        migrations.RunSQL(COUNTS, migrations.RunSQL.noop),
        migrations.RunSQL(CLAIM),
        migrations.RunSQL(DROP_OWN),
        migrations.RunSQL(OWN),
        migrations.RunSQL(DROP_SUBMIT),
        migrations.RunSQL(SUBMIT),
    ]
