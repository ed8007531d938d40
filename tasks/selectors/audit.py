"""Proof that the work agrees with itself and with the books: invariants 3 to 7 of the domain."""

from core.db import rows
from payments.selectors.audit import Break

CHECKS = {
    "a published task has exactly `overlap` places": """
        SELECT 'tasks_task', t.id, format('%s places, overlap %s', count(p.id), b.overlap)
          FROM tasks_batch b JOIN tasks_task t ON t.batch_id = b.id AND t.position < b.placed
          LEFT JOIN tasks_place p ON p.task_id = t.id
         WHERE b.state <> 'draft' GROUP BY t.id, b.overlap HAVING count(p.id) <> b.overlap
    """,
    "each place has its hold, and each hold its place": """
        SELECT 'tasks_place', coalesce(p.id, h.place_id), 'place or hold is missing'
          FROM tasks_place p FULL JOIN payments_hold h ON h.place_id = p.id
         WHERE p.id IS NULL OR h.place_id IS NULL
    """,
    "approved ⇔ paid": """
        SELECT 'tasks_assignment', a.id, format('approved, hold pays %s of %s', h.pay_out, h.pay)
          FROM tasks_assignment a JOIN payments_hold h ON h.place_id = a.place_id
         WHERE a.state = 'approved' AND (h.pay_out <> h.pay OR h.fee_out <> h.fee)
        UNION ALL
        SELECT 'payments_journal', j.id, 'pays an assignment that is not approved'
          FROM payments_journal j JOIN tasks_assignment a ON a.id = j.assignment_id
         WHERE j.kind = 'settle' AND a.state <> 'approved'
        UNION ALL
        SELECT 'tasks_assignment', a.id, 'approved, but no posting names it'
          FROM tasks_assignment a
          LEFT JOIN payments_journal j ON j.assignment_id = a.id AND j.kind = 'settle'
         WHERE a.state = 'approved' AND j.id IS NULL
    """,
    "a place agrees with its assignments": """
        SELECT 'tasks_place', p.id, format('%s, live assignments: %s', p.state, count(a.id))
          FROM tasks_place p LEFT JOIN tasks_assignment a ON a.place_id = p.id
           AND a.state NOT IN ('released', 'expired', 'refused')
         GROUP BY p.id, p.state
        HAVING count(a.id) <> CASE p.state WHEN 'open' THEN 0 WHEN 'taken' THEN 1
                                           ELSE least(count(a.id), 1) END
            OR p.state = 'settled' AND bool_or(a.state <> 'approved')
            OR p.state = 'taken' AND bool_or(a.state = 'approved')
    """,
    "a settled place has nothing left in escrow": """
        SELECT 'tasks_place', p.id, p.state
          FROM tasks_place p JOIN payments_hold h ON h.place_id = p.id
         WHERE (p.state = 'settled')
            <> (h.pay_out = h.pay AND h.fee_out = h.fee AND h.top_out = h.top)
    """,
    "an answer exists ⇔ its assignment was submitted": """
        SELECT 'tasks_assignment', a.id, a.state FROM tasks_assignment a
          LEFT JOIN tasks_answer w ON w.assignment_id = a.id
         WHERE (a.state IN ('submitted', 'approved', 'rejected', 'disputed'))
            <> (w.assignment_id IS NOT NULL)
    """,
    "assignments name what exists": """
        SELECT 'tasks_assignment', a.id, 'place, task, batch or client do not fit together'
          FROM tasks_assignment a LEFT JOIN tasks_place p ON p.id = a.place_id
          LEFT JOIN tasks_batch b ON b.id = a.batch_id
         WHERE p.id IS NULL OR b.id IS NULL OR p.task_id <> a.task_id
            OR p.batch_id <> a.batch_id OR b.client_id <> a.client_id
    """,
    "a settled batch has no money in escrow": """
        SELECT 'tasks_batch', b.id, 'settled, yet a place is not'
          FROM tasks_batch b JOIN tasks_place p ON p.batch_id = b.id
         WHERE b.settled_at IS NOT NULL AND p.state <> 'settled'
    """,
}


def audit_work() -> list[Break]:
    """Every row that breaks an invariant of the work; empty when all is well."""
    return [
        Break(invariant=name, table=table, row=row, detail=detail)
        for name, sql in CHECKS.items()
        for table, row, detail in rows(sql)
    ]
