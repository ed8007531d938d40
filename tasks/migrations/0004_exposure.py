"""Bounded exposure (R11) costs the same however much a worker has waiting.

The sum stops where it has passed the bound, and the index leads straight to the reviews that are
due too late: once hastened, there are none.
"""

from importlib import import_module

from django.db import migrations, models

before = import_module("tasks.migrations.0003_hot_path")

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
DROP_OWN = "DROP FUNCTION tasks_own"


class Migration(migrations.Migration):
    dependencies = [("tasks", "0003_hot_path")]
    operations = [
        migrations.RemoveIndex("assignment", "assignment_exposure"),
        migrations.AddIndex(
            "assignment",
            models.Index(
                fields=["worker", "client", "review_due_at"],
                condition=models.Q(state="submitted"),
                include=["batch"],
                name="assignment_exposure",
            ),
        ),
        migrations.RunSQL([DROP_OWN, OWN], [DROP_OWN, before.OWN]),
    ]
