"""Counts by month what is shown to everybody: what was refused, judged, and how long it took."""

from datetime import datetime

from core.db import operation, rows

# Made again for this month and the one before: nothing older changes but by what is still open
# in it, which is counted in the month in which it ends.
COUNT = """
WITH month AS (
    SELECT generate_series(date_trunc('month', %(now)s AT TIME ZONE 'UTC') - interval '1 month',
        date_trunc('month', %(now)s AT TIME ZONE 'UTC'), interval '1 month') AS first
), span AS (
    SELECT first::date AS month, first AT TIME ZONE 'UTC' AS begins,
           (first + interval '1 month') AT TIME ZONE 'UTC' AS ends
      FROM month
)
INSERT INTO disputes_month (month, approved, by_clock, opened, rejected, contested, disputes,
        decided, overturned, refused, leaked, median_review_seconds, median_decision_seconds,
        refreshed_at)
SELECT s.month, a.approved, a.by_clock,
       (SELECT count(*) FROM tasks_opening WHERE at >= s.begins AND at < s.ends),
       r.rejected, r.contested,
       (SELECT count(*) FROM disputes_dispute WHERE filed_at >= s.begins AND filed_at < s.ends),
       e.decided, e.overturned, e.refused, e.leaked, a.review, d.decision, %(now)s
  FROM span s,
  LATERAL (SELECT count(*) AS approved, count(*) FILTER (WHERE decided_by_id IS NULL) AS by_clock,
                  percentile_disc(0.5) WITHIN GROUP (
                      ORDER BY extract(epoch FROM decided_at - submitted_at)::int) AS review
             FROM tasks_assignment
            WHERE state = 'approved' AND moved_at >= s.begins AND moved_at < s.ends) a,
  LATERAL (SELECT count(*) AS rejected, count(contested_at) AS contested
             FROM disputes_rejection WHERE at >= s.begins AND at < s.ends) r,
  LATERAL (SELECT count(*) FILTER (WHERE outcome IN ('overturned', 'annulled')
                      OR outcome = 'upheld') AS decided,
                  count(*) FILTER (WHERE outcome IN ('overturned', 'annulled')) AS overturned,
                  count(*) FILTER (WHERE outcome IN ('lapsed', 'upheld', 'unjudged')) AS refused,
                  count(*) FILTER (WHERE outcome IN ('lapsed', 'unjudged')) AS leaked
             FROM disputes_rejection WHERE closed_at >= s.begins AND closed_at < s.ends) e,
  LATERAL (SELECT percentile_disc(0.5) WITHIN GROUP (
                      ORDER BY extract(epoch FROM n.at - q.filed_at)::int) AS decision
             FROM disputes_decision n JOIN disputes_dispute q ON q.id = n.dispute_id
            WHERE n.level = 1 AND n.at >= s.begins AND n.at < s.ends) d
ON CONFLICT (month) DO UPDATE SET approved = excluded.approved, by_clock = excluded.by_clock,
    opened = excluded.opened, rejected = excluded.rejected, contested = excluded.contested,
    disputes = excluded.disputes, decided = excluded.decided, overturned = excluded.overturned,
    refused = excluded.refused, leaked = excluded.leaked,
    median_review_seconds = excluded.median_review_seconds,
    median_decision_seconds = excluded.median_decision_seconds,
    refreshed_at = excluded.refreshed_at
"""


@operation
def count_months(*, now: datetime) -> None:
    """Counts this month and the one before anew; running it again changes nothing else."""
    rows(COUNT, {"now": now})
