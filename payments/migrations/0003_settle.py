"""The hot path of the books: approved work, paid in one call whose plan is kept.

The same statement as payments/services/ledger.py sends for everything else; planning it anew for
each approval cost as much as running it. It runs with the rights of its caller.
"""

from django.db import migrations

# A kept plan knows nothing of how many rows come. Look-ups are therefore correlated sub-selects
# (one index probe a row, whatever happens) and the join of legs to their journals is never a
# nested loop, which 10,000 places would turn into minutes.
#
# A tenth of the fee is exact for every fee of whole cents (core/rules.py); were it not, the
# fraction of a micro would stay with the fees. Places without a hold, and those whose worker has
# no account yet, are left out; the caller compares the number returned.
SETTLE = """
CREATE FUNCTION payments_settle(
    batch bigint, places bigint[], workers bigint[], assignments bigint[],
    share_bps bigint, money varchar, actor bigint, now timestamptz
) RETURNS bigint LANGUAGE plpgsql SET search_path = public, pg_temp
SET enable_nestloop = off SET enable_seqscan = off SET jit = off AS $$
DECLARE
    escrow CONSTANT bigint := (SELECT id FROM payments_account
        WHERE kind = 'escrow' AND owner = batch AND currency = money);
    fees CONSTANT bigint := (SELECT id FROM payments_account
        WHERE kind = 'fees' AND owner IS NULL AND currency = money);
    guarantee CONSTANT bigint := (SELECT id FROM payments_account
        WHERE kind = 'guarantee' AND owner IS NULL AND currency = money);
    made bigint;
BEGIN
    IF escrow IS NULL OR fees IS NULL OR guarantee IS NULL THEN
        RETURN 0;
    END IF;
    WITH item AS MATERIALIZED (
        SELECT wanted.place_id, wanted.assignment_id, hold.pay, hold.fee,
            (SELECT id FROM payments_account
             WHERE kind = 'worker' AND owner = wanted.worker_id AND currency = money) AS worker
        FROM unnest(places, workers, assignments) AS wanted (place_id, worker_id, assignment_id)
        CROSS JOIN LATERAL (
            SELECT pay, fee FROM payments_hold WHERE place_id = wanted.place_id OFFSET 0
        ) hold
    ),
    leg AS MATERIALIZED (
        SELECT item.place_id, item.assignment_id, sent.part, sent.amount, sent.credit_id
        FROM item CROSS JOIN LATERAL (VALUES
            ('pay', item.pay, item.worker),
            ('fee', item.fee - item.fee * share_bps / 10000, fees),
            ('fee', item.fee * share_bps / 10000, guarantee)
        ) AS sent (part, amount, credit_id)
        WHERE item.worker IS NOT NULL AND sent.amount > 0
    ),
    entry AS (
        INSERT INTO payments_journal
            (kind, idem, legs_hash, actor, effective_at, batch_id, place_id, assignment_id)
        SELECT 'settle', 'settle:' || place_id, sha256(convert_to(string_agg(
                concat_ws(' ', escrow, credit_id, amount, place_id, part), ';'
                ORDER BY credit_id, part COLLATE "C", amount
            ), 'UTF8')), actor, now, batch, place_id, assignment_id
        FROM leg GROUP BY place_id, assignment_id ORDER BY place_id
        ON CONFLICT (idem) DO NOTHING
        RETURNING id, payments_journal.place_id
    ),
    moved AS (
        INSERT INTO payments_transfer
            (journal_id, debit_id, credit_id, currency, amount, hold_id, part)
        SELECT entry.id, escrow, leg.credit_id, money, leg.amount, leg.place_id, leg.part
        FROM leg JOIN entry USING (place_id)
    )
    SELECT count(*) INTO made FROM entry;
    RETURN made;
END $$;
REVOKE EXECUTE ON FUNCTION payments_settle FROM PUBLIC;
GRANT EXECUTE ON FUNCTION payments_settle TO fairclick_runtime;
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0002_guards")]
    operations = [migrations.RunSQL(SETTLE, "DROP FUNCTION payments_settle")]
