"""What the product is measured against: the least SQL that does the same, in tables of its own."""

from typing import Any

from django.db import connection

from bench.servers import connect
from core.db import rows

SCHEMA = """
CREATE SCHEMA raw;
CREATE TABLE raw.place (
    id bigint PRIMARY KEY, batch_id bigint NOT NULL, position int NOT NULL, state text NOT NULL
);
CREATE INDEX place_open ON raw.place (batch_id, position) WHERE state = 'open';
CREATE TABLE raw.cursor (
    batch_id bigint, worker_id bigint, position int NOT NULL, PRIMARY KEY (batch_id, worker_id)
) WITH (fillfactor = 50);
CREATE TABLE raw.assignment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, place_id bigint NOT NULL UNIQUE,
    worker_id bigint NOT NULL, state text NOT NULL, claimed_at timestamptz NOT NULL,
    submitted_at timestamptz
);
CREATE INDEX assignment_worker ON raw.assignment (worker_id, state);
CREATE TABLE raw.answer (assignment_id bigint PRIMARY KEY, content jsonb NOT NULL);
CREATE TABLE raw.task (LIKE tasks_task INCLUDING ALL);

CREATE FUNCTION raw.hand_out(p_worker bigint, p_batch bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    last int;
    p record;
    made bigint;
BEGIN
    SELECT position INTO last FROM raw.cursor
     WHERE batch_id = p_batch AND worker_id = p_worker FOR NO KEY UPDATE;
    SELECT id, position INTO p FROM raw.place
     WHERE batch_id = p_batch AND state = 'open' AND position > last
     ORDER BY position LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    UPDATE raw.cursor SET position = p.position WHERE batch_id = p_batch AND worker_id = p_worker;
    UPDATE raw.place SET state = 'taken' WHERE id = p.id;
    INSERT INTO raw.assignment (place_id, worker_id, state, claimed_at)
    VALUES (p.id, p_worker, 'claimed', now()) RETURNING id INTO made;
    RETURN made;
END $$;

GRANT USAGE ON SCHEMA raw TO fairclick_runtime;
GRANT ALL ON ALL TABLES IN SCHEMA raw TO fairclick_runtime;
"""


def address() -> str:
    """The address of the bench's database, for connections that are not Django's."""
    at = connection.settings_dict
    return "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**at)


def make() -> None:
    """The raw tables and function, once a database."""
    if rows("SELECT 1 FROM pg_namespace WHERE nspname = 'raw'"):
        return
    admin = connect(address())
    with admin.cursor() as cursor:
        cursor.execute(SCHEMA)
    admin.close()


def make_places(batch_id: int, worker_ids: list[int], count: int) -> None:
    """So many open places of a batch, and a cursor for each worker."""
    told = {"batch": batch_id, "workers": worker_ids, "count": count}
    rows(
        "INSERT INTO raw.place SELECT n, %(batch)s, n, 'open'"
        " FROM generate_series(0, %(count)s - 1) AS n",
        told,
    )
    rows("INSERT INTO raw.cursor SELECT %(batch)s, unnest(%(workers)s), -1", told)
    vacuum("raw.place", "raw.cursor")


def vacuum(*tables: str) -> None:
    """What autovacuum would do soon, now: no plan is made on numbers of empty tables."""
    admin = connect(address())
    with admin.cursor() as cursor:
        for table in tables:
            cursor.execute(f"VACUUM (ANALYZE) {table}")
    admin.close()


def runtime() -> Any:
    """A connection with the product's own rights, outside Django; each statement commits."""
    made = connect(address())
    with made.cursor() as cursor:
        cursor.execute("SET ROLE fairclick_runtime")
    return made
