"""Counts what is shown to everybody: by month what was refused, judged, and how long it took, and
how often each client rejects."""

from collections.abc import Iterable
from datetime import datetime

from core.db import operation, rows
from disputes.states import JUDGED, REFUSED, UNFOUNDED, Outcome
from tasks.services import figures

# From the last month that was counted on, and yesterday's: what moves late is counted in the month
# in which it ends, so that no month before changes any more.
COUNT = """
WITH known AS (
    SELECT least(
        coalesce((SELECT max(month)::timestamp FROM disputes_month),
                 (SELECT min(moved_at) FROM tasks_assignment) AT TIME ZONE 'UTC'),
        (%(now)s AT TIME ZONE 'UTC') - interval '1 day') AS since
), span AS (
    SELECT first::date AS month, first AT TIME ZONE 'UTC' AS begins,
           (first + interval '1 month') AT TIME ZONE 'UTC' AS ends
      FROM known, generate_series(date_trunc('month', since), %(now)s AT TIME ZONE 'UTC',
                                  interval '1 month') AS first
)
INSERT INTO disputes_month (month, reviewed, approved, by_clock, opened, rejected, contested,
        disputes, decided, overturned, refused, leaked, median_review_seconds,
        median_decision_seconds, refreshed_at)
SELECT s.month, v.reviewed, a.approved, v.by_clock,
       (SELECT count(*) FROM tasks_opening WHERE at >= s.begins AND at < s.ends),
       r.rejected, r.contested,
       (SELECT count(*) FROM disputes_dispute
         WHERE filed_at >= s.begins AND filed_at < s.ends AND appeal_of_id IS NULL),
       e.decided, e.overturned, e.refused, e.leaked, v.waited, d.decision, %(now)s
  FROM span s,
  LATERAL (SELECT count(*) AS approved FROM tasks_assignment
            WHERE state = 'approved' AND moved_at >= s.begins AND moved_at < s.ends) a,
  LATERAL (SELECT count(*) AS reviewed, count(*) FILTER (WHERE clock) AS by_clock,
                  percentile_disc(0.5) WITHIN GROUP (
                      ORDER BY extract(epoch FROM decided - submitted)::int) AS waited
             FROM (SELECT decided_at, submitted_at, decided_by_id IS NULL
                     FROM tasks_assignment one
                    WHERE state = 'approved' AND moved_at >= s.begins AND moved_at < s.ends
                      AND NOT EXISTS (SELECT FROM disputes_rejection
                                       WHERE assignment_id = one.id)
                   UNION ALL
                   SELECT refused.at, one.submitted_at, false
                     FROM disputes_rejection refused
                     JOIN tasks_assignment one ON one.id = refused.assignment_id
                    WHERE refused.at >= s.begins AND refused.at < s.ends
                  ) AS first_time (decided, submitted, clock)) v,
  LATERAL (SELECT count(*) AS rejected, count(contested_at) AS contested
             FROM disputes_rejection WHERE at >= s.begins AND at < s.ends) r,
  LATERAL (SELECT count(*) FILTER (WHERE outcome = ANY(%(judged)s)) AS decided,
                  count(*) FILTER (WHERE outcome = ANY(%(overturned)s)) AS overturned,
                  count(*) FILTER (WHERE outcome = ANY(%(refused)s)) AS refused,
                  count(*) FILTER (WHERE outcome = ANY(%(leaked)s)) AS leaked
             FROM disputes_rejection WHERE closed_at >= s.begins AND closed_at < s.ends) e,
  LATERAL (SELECT percentile_disc(0.5) WITHIN GROUP (
                      ORDER BY extract(epoch FROM n.at - q.filed_at)::int) AS decision
             FROM disputes_decision n JOIN disputes_dispute q ON q.id = n.dispute_id
            WHERE n.level = 1 AND n.at >= s.begins AND n.at < s.ends) d
 ORDER BY s.month
ON CONFLICT (month) DO UPDATE SET reviewed = excluded.reviewed, approved = excluded.approved,
    by_clock = excluded.by_clock, opened = excluded.opened, rejected = excluded.rejected,
    contested = excluded.contested, disputes = excluded.disputes, decided = excluded.decided,
    overturned = excluded.overturned, refused = excluded.refused, leaked = excluded.leaked,
    median_review_seconds = excluded.median_review_seconds,
    median_decision_seconds = excluded.median_decision_seconds,
    refreshed_at = excluded.refreshed_at
"""
# Seen, and unpaid by the client, though nobody has judged it.
LEAKED = (Outcome.LAPSED, Outcome.UNJUDGED)

OF_CLIENTS = """
SELECT client_id, count(*), count(*) FILTER (WHERE outcome = ANY(%(judged)s)),
       count(*) FILTER (WHERE outcome = ANY(%(overturned)s))
  FROM disputes_rejection GROUP BY client_id ORDER BY client_id
"""


@operation
def count_months(*, now: datetime) -> None:
    """Counts the months since the last count, and every client's rejections for its record.

    Running it again changes nothing else.
    """
    told = {"judged": _values(JUDGED), "overturned": _values(UNFOUNDED)}
    rows(COUNT, told | {"now": now, "refused": _values(REFUSED), "leaked": _values(LEAKED)})
    figures.apply_rejections({one: counts for one, *counts in rows(OF_CLIENTS, told)}, now=now)


def _values(outcomes: Iterable[Outcome]) -> list[str]:
    return [one.value for one in outcomes]
