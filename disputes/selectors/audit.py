"""Proof that rejections agree with the work and the books: invariants 3 to 7 of the domain."""

from core.db import rows
from payments.selectors.audit import Break

CHECKS = {
    "a rejection agrees with its assignment": """
        SELECT 'tasks_assignment', a.id, format('%s; rejection %s %s', a.state, r.state, r.outcome)
          FROM tasks_assignment a LEFT JOIN disputes_rejection r ON r.assignment_id = a.id
         WHERE a.state IN ('rejected', 'disputed', 'refused') AND r.id IS NULL
            OR r.id IS NOT NULL AND a.state <> CASE r.state
                WHEN 'open' THEN 'rejected'
                WHEN 'disputed' THEN 'disputed'
                WHEN 'upheld' THEN 'disputed'
                ELSE CASE WHEN r.outcome IN ('lapsed', 'upheld', 'unjudged') THEN 'refused'
                          ELSE 'approved' END
               END
    """,
    "refused ⇒ erased, and the worker has her copy": """
        SELECT 'tasks_assignment', a.id, 'refused'
          FROM tasks_assignment a
          LEFT JOIN tasks_erasure e ON e.assignment_id = a.id
          LEFT JOIN tasks_archived k ON k.assignment_id = a.id AND k.cause = 'refused'
         WHERE (a.state = 'refused') <> (e.assignment_id IS NOT NULL)
            OR (a.state = 'refused') <> (k.id IS NOT NULL)
    """,
    "only opened answers are rejected, and only those of the sample opened": """
        SELECT 'disputes_rejection', r.id, 'not opened'
          FROM disputes_rejection r LEFT JOIN tasks_opening o USING (assignment_id)
         WHERE o.assignment_id IS NULL
        UNION ALL
        SELECT 'tasks_opening', o.assignment_id, 'not of the sample'
          FROM tasks_opening o JOIN tasks_assignment a ON a.id = o.assignment_id
         WHERE NOT EXISTS (SELECT FROM tasks_sampled s WHERE s.place_id = a.place_id)
           AND NOT EXISTS (SELECT FROM tasks_gold g WHERE g.task_id = a.task_id)
    """,
    "the first places of a sample are twenty at most": """
        SELECT 'tasks_samplecount', c.batch_id, format('%s counted, %s there', c.first, s.n)
          FROM tasks_samplecount c
          LEFT JOIN LATERAL (SELECT count(*) AS n FROM tasks_sampled
                              WHERE batch_id = c.batch_id AND NOT drawn) s ON true
         WHERE c.first <> s.n OR c.first > 20
    """,
    "a dispute runs ⇔ one of its rejections does": """
        SELECT 'disputes_dispute', d.id, format('%s, rejections that run: %s', d.state, count(r.id))
          FROM disputes_dispute d
          LEFT JOIN disputes_rejection r ON r.dispute_id = d.id AND r.state <> 'closed'
         GROUP BY d.id, d.state
        HAVING (d.state = 'closed') <> (count(r.id) = 0)
            OR d.state = 'decided' AND bool_or(r.state <> 'upheld')
            OR d.state IN ('filed', 'answered', 'appealed') AND bool_or(r.state <> 'disputed')
    """,
    "compensation and the fund's word are in the books": """
        SELECT 'disputes_rejection', r.id, format('%s %s, books say %s', r.outcome,
                   CASE r.outcome WHEN 'unjudged' THEN b.reward ELSE r.compensation END, m.paid)
          FROM disputes_rejection r JOIN tasks_batch b ON b.id = r.batch_id
          LEFT JOIN LATERAL (
                SELECT coalesce(sum(t.amount), 0) AS paid FROM payments_journal j
                  JOIN payments_transfer t ON t.journal_id = j.id
                  JOIN payments_account w ON w.id = t.credit_id AND w.kind = 'worker'
                 WHERE j.assignment_id = r.assignment_id
                   AND j.kind IN ('compensation', 'guarantee_pay')) m ON true
         WHERE m.paid <> CASE r.outcome WHEN 'unjudged' THEN b.reward ELSE r.compensation END
        UNION ALL
        SELECT 'payments_journal', j.id, j.kind || ' of nothing that was rejected'
          FROM payments_journal j LEFT JOIN disputes_rejection r USING (assignment_id)
         WHERE j.kind IN ('compensation', 'guarantee_pay') AND r.id IS NULL
    """,
    "a group's case keeps its batch frozen until it is decided": """
        SELECT 'tasks_batch', b.id, 'a collective case is undecided, the batch is not frozen'
          FROM tasks_batch b JOIN disputes_dispute d ON d.batch_id = b.id
         WHERE d.kind = 'collective' AND d.state IN ('filed', 'answered') AND b.frozen_at IS NULL
    """,
}


def audit_disputes() -> list[Break]:
    """Every row that breaks an invariant of rejections and disputes; empty when all is well."""
    return [
        Break(invariant=name, table=table, row=str(row), detail=detail)
        for name, sql in CHECKS.items()
        for table, row, detail in rows(sql)
    ]
