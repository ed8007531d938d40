"""The guards of the books: what the database refuses, whoever asks.

Triggers keep the sums (balance, fund, hold), check every transfer, and forbid change; the runtime
role may read and insert. All but the TRUNCATE guards are ENABLE ALWAYS, so that a session in
replica mode skips nothing. docs/money.md says what each is for.
"""

from django.db import migrations

# --- what may move where -------------------------------------------------------------------

EDGES = """
CREATE TABLE payments_edge (
    kind varchar(20) NOT NULL,
    debit_kind varchar(20) NOT NULL,
    credit_kind varchar(20) NOT NULL,
    part varchar(3) NOT NULL,
    PRIMARY KEY (kind, debit_kind, credit_kind, part)
);
INSERT INTO payments_edge (kind, debit_kind, credit_kind, part) VALUES
    ('deposit', 'psp', 'client', ''),
    ('fund', 'client', 'escrow', ''),
    ('settle', 'escrow', 'worker', 'pay'),
    ('settle', 'escrow', 'fees', 'fee'),
    ('settle', 'escrow', 'guarantee', 'fee'),
    ('refund', 'escrow', 'client', 'pay'),
    ('refund', 'escrow', 'client', 'fee'),
    ('refund', 'escrow', 'client', 'top'),
    ('refund_rest', 'escrow', 'client', ''),
    ('payout_requested', 'worker', 'payout_clearing', ''),
    ('payout_cancelled', 'payout_clearing', 'worker', ''),
    ('payout_failed', 'payout_clearing', 'worker', ''),
    ('payout_settled', 'payout_clearing', 'psp', ''),
    ('payout_returned', 'psp', 'payout_clearing', ''),
    ('payout_returned', 'payout_clearing', 'worker', '');
"""
DROP_EDGES = "DROP TABLE payments_edge"

# --- storage -------------------------------------------------------------------------------

# Rows that are updated in place keep room on their page for the new version (HOT).
STORAGE = """
ALTER TABLE payments_balance SET (fillfactor = 50);
ALTER TABLE payments_hold SET (fillfactor = 50);
"""
RESET_STORAGE = """
ALTER TABLE payments_balance RESET (fillfactor);
ALTER TABLE payments_hold RESET (fillfactor);
"""

# --- an account has a balance row from its first moment, if it needs one --------------------

# Accounts that every approval touches (escrow, fees, guarantee) have none: their balance is a sum
# over transfers, because nobody may own a hot row.
ACCOUNT = """
CREATE FUNCTION payments_account_added() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO payments_balance (account_id, side, floor, debits, credits)
    SELECT id, CASE kind WHEN 'receivable' THEN -1 ELSE 1 END, true, 0, 0
    FROM added
    WHERE kind IN ('client', 'worker', 'payout_clearing', 'receivable');
    RETURN NULL;
END $$;

CREATE TRIGGER payments_account_added AFTER INSERT ON payments_account
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION payments_account_added();
"""

# --- a fund starts empty, a hold whole ------------------------------------------------------

FUND = """
CREATE FUNCTION payments_fund_added() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.funded <> 0 OR NEW.allocated <> 0 OR NEW.returned <> 0 THEN
        RAISE EXCEPTION 'a fund starts empty' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (
        SELECT FROM payments_account escrow JOIN payments_account payer USING (currency)
        WHERE escrow.id = NEW.account_id AND escrow.kind = 'escrow'
          AND payer.id = NEW.payer_id AND payer.kind = 'client'
    ) THEN
        RAISE EXCEPTION 'a fund joins the escrow of a batch and a client'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER payments_fund_added BEFORE INSERT ON payments_fund
FOR EACH ROW EXECUTE FUNCTION payments_fund_added();
"""

HOLD = """
CREATE FUNCTION payments_hold_added() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    touched bigint;
BEGIN
    IF EXISTS (
        SELECT FROM added WHERE pay_out <> 0 OR fee_out <> 0 OR top_out <> 0 OR refunded
    ) THEN
        RAISE EXCEPTION 'a hold starts whole' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    PERFORM FROM payments_fund WHERE account_id IN (SELECT fund_id FROM added)
    ORDER BY account_id FOR NO KEY UPDATE;
    UPDATE payments_fund fund SET allocated = allocated + sums.reserve
    FROM (
        SELECT fund_id, sum(pay + fee + top)::bigint AS reserve FROM added GROUP BY fund_id
    ) sums
    WHERE fund.account_id = sums.fund_id;
    GET DIAGNOSTICS touched = ROW_COUNT;
    IF touched <> (SELECT count(DISTINCT fund_id) FROM added) THEN
        RAISE EXCEPTION 'a hold names a fund that does not exist'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER payments_hold_added AFTER INSERT ON payments_hold
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION payments_hold_added();
"""

# --- the guard of every transfer ------------------------------------------------------------

# One statement, one call, however many rows. The planner is held to index look-ups: its plan is
# made once a connection, when the tables may still be empty, and must serve one row and 10,000.
# Locks are taken in the order fund, hold, balance, each sorted by key.
TRANSFER = """
CREATE FUNCTION payments_transfer_added() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    flaw text;
    moves_fund boolean;
    moves_hold boolean;
BEGIN
    -- Accounts, currency, journal, edge, hold and fund, in this order; the first flaw speaks.
    SELECT
        min(CASE
            WHEN d.id IS NULL OR c.id IS NULL THEN
                format('account %s or %s does not exist', t.debit_id, t.credit_id)
            WHEN t.currency <> d.currency OR t.currency <> c.currency THEN
                format('currency %s is not that of both accounts', t.currency)
            WHEN j.id IS NULL OR j.xid <> pg_current_xact_id() OR t.xid <> j.xid THEN
                format('journal %s is not of this transaction', t.journal_id)
            WHEN e.kind IS NULL THEN
                format('%s may not move %s from %s to %s', j.kind, t.part, d.kind, c.kind)
            WHEN t.hold_id IS NOT NULL AND h.fund_id IS DISTINCT FROM d.id THEN
                format('hold %s is not of fund %s', t.hold_id, d.id)
            WHEN d.kind = 'escrow' AND c.kind = 'client' AND f.payer_id IS DISTINCT FROM c.id THEN
                format('account %s did not pay for fund %s', c.id, d.id)
            WHEN c.kind = 'escrow' AND f.payer_id IS DISTINCT FROM d.id THEN
                format('account %s does not pay for fund %s', d.id, c.id)
        END),
        bool_or(c.kind = 'escrow' OR (d.kind = 'escrow' AND t.hold_id IS NULL)),
        bool_or(t.hold_id IS NOT NULL)
    INTO flaw, moves_fund, moves_hold
    FROM added t
    LEFT JOIN payments_account d ON d.id = t.debit_id
    LEFT JOIN payments_account c ON c.id = t.credit_id
    LEFT JOIN payments_journal j ON j.id = t.journal_id
    LEFT JOIN payments_edge e ON e.kind = j.kind AND e.debit_kind = d.kind
        AND e.credit_kind = c.kind AND e.part = t.part
    LEFT JOIN payments_hold h ON h.place_id = t.hold_id
    LEFT JOIN payments_fund f
        ON f.account_id = CASE 'escrow' WHEN d.kind THEN d.id WHEN c.kind THEN c.id END;
    IF flaw IS NOT NULL THEN
        RAISE EXCEPTION '%', flaw USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    IF moves_fund THEN
        PERFORM FROM payments_fund
        WHERE account_id IN (SELECT credit_id FROM added UNION SELECT debit_id FROM added)
        ORDER BY account_id FOR NO KEY UPDATE;
        UPDATE payments_fund fund
        SET funded = funded + sums.credited, returned = returned + sums.debited
        FROM (
            SELECT account_id, sum(credited)::bigint AS credited, sum(debited)::bigint AS debited
            FROM (
                SELECT credit_id AS account_id, amount AS credited, 0 AS debited FROM added
                UNION ALL
                SELECT debit_id, 0, amount FROM added WHERE hold_id IS NULL
            ) side
            GROUP BY account_id
        ) sums
        WHERE fund.account_id = sums.account_id;
    END IF;

    IF moves_hold THEN
        PERFORM FROM payments_hold WHERE place_id IN (SELECT hold_id FROM added)
        ORDER BY place_id FOR NO KEY UPDATE;
        UPDATE payments_hold hold
        SET pay_out = pay_out + sums.pay, fee_out = fee_out + sums.fee,
            top_out = top_out + sums.top, refunded = hold.refunded OR sums.to_client
        FROM (
            SELECT t.hold_id,
                coalesce(sum(t.amount) FILTER (WHERE t.part = 'pay'), 0)::bigint AS pay,
                coalesce(sum(t.amount) FILTER (WHERE t.part = 'fee'), 0)::bigint AS fee,
                coalesce(sum(t.amount) FILTER (WHERE t.part = 'top'), 0)::bigint AS top,
                bool_or(t.part = 'pay' AND c.kind = 'client') AS to_client
            FROM added t JOIN payments_account c ON c.id = t.credit_id
            WHERE t.hold_id IS NOT NULL
            GROUP BY t.hold_id
        ) sums
        WHERE hold.place_id = sums.hold_id;
    END IF;

    PERFORM FROM payments_balance
    WHERE account_id IN (SELECT debit_id FROM added UNION SELECT credit_id FROM added)
    ORDER BY account_id FOR NO KEY UPDATE;
    UPDATE payments_balance balance
    SET debits = debits + sums.debited, credits = credits + sums.credited
    FROM (
        SELECT account_id, sum(debited)::bigint AS debited, sum(credited)::bigint AS credited
        FROM (
            SELECT debit_id AS account_id, amount AS debited, 0 AS credited FROM added
            UNION ALL
            SELECT credit_id, 0, amount FROM added
        ) side
        GROUP BY account_id
    ) sums
    WHERE balance.account_id = sums.account_id;
    RETURN NULL;
END $$;

CREATE TRIGGER payments_transfer_added AFTER INSERT ON payments_transfer
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION payments_transfer_added();
"""

# --- a checkpoint sums what can no longer change --------------------------------------------

CHECKPOINT = """
CREATE FUNCTION payments_checkpoint_added() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.upto_xid > pg_snapshot_xmin(pg_current_snapshot()) THEN
        RAISE EXCEPTION 'transactions before % are still running', NEW.upto_xid
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER payments_checkpoint_added BEFORE INSERT ON payments_checkpoint
FOR EACH ROW EXECUTE FUNCTION payments_checkpoint_added();
"""

# --- what is written stays ------------------------------------------------------------------

REFUSE = """
CREATE FUNCTION payments_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is not possible: the books are kept', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
"""

INSERT_ONLY = ("journal", "transfer", "account", "edge", "checkpoint")
KEPT = (*INSERT_ONLY, "balance", "fund", "hold")

NEVER = "\n".join(
    f"CREATE TRIGGER payments_{table}_kept BEFORE UPDATE OR DELETE ON payments_{table}\n"
    f"FOR EACH ROW EXECUTE FUNCTION payments_refuse();"
    for table in INSERT_ONLY
)

# The sums are moved by the triggers above and by nobody else, not even their owner.
BY_TRIGGERS = """
CREATE TRIGGER payments_balance_kept BEFORE INSERT OR UPDATE OR DELETE ON payments_balance
FOR EACH ROW WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION payments_refuse();
CREATE TRIGGER payments_fund_kept BEFORE UPDATE OR DELETE ON payments_fund
FOR EACH ROW WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION payments_refuse();
CREATE TRIGGER payments_hold_kept BEFORE UPDATE OR DELETE ON payments_hold
FOR EACH ROW WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION payments_refuse();
CREATE TRIGGER payments_fund_fixed BEFORE UPDATE OF account_id, payer_id ON payments_fund
FOR EACH ROW EXECUTE FUNCTION payments_refuse();
CREATE TRIGGER payments_hold_fixed
BEFORE UPDATE OF place_id, fund_id, pay, fee, top ON payments_hold
FOR EACH ROW EXECUTE FUNCTION payments_refuse();
"""

NO_TRUNCATE = "\n".join(
    f"CREATE TRIGGER payments_{table}_whole BEFORE TRUNCATE ON payments_{table}\n"
    f"FOR EACH STATEMENT EXECUTE FUNCTION payments_refuse();"
    for table in KEPT
)

ADDED = ("account", "fund", "hold", "transfer", "checkpoint")
ALWAYS = "\n".join(
    [f"ALTER TABLE payments_{t} ENABLE ALWAYS TRIGGER payments_{t}_added;" for t in ADDED]
    + [f"ALTER TABLE payments_{t} ENABLE ALWAYS TRIGGER payments_{t}_kept;" for t in KEPT]
    + [
        f"ALTER TABLE payments_{t} ENABLE ALWAYS TRIGGER payments_{t}_fixed;"
        for t in ("fund", "hold")
    ]
)

# Functions go first: a trigger goes with the function it calls.
DROP_TRIGGERS = "\n".join(
    f"DROP FUNCTION {name}() CASCADE;"
    for name in ("payments_refuse", *(f"payments_{table}_added" for table in ADDED))
)

# --- who may do what ------------------------------------------------------------------------

# A lock needs the right to update, which the runtime role does not have; this is its only way.
LOCK = """
CREATE FUNCTION payments_lock(funds bigint[], accounts bigint[]) RETURNS SETOF payments_balance
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM payments_fund WHERE account_id = ANY (funds)
    ORDER BY account_id FOR NO KEY UPDATE;
    RETURN QUERY SELECT * FROM payments_balance WHERE account_id = ANY (accounts)
    ORDER BY account_id FOR NO KEY UPDATE;
END $$;
REVOKE EXECUTE ON FUNCTION payments_lock(bigint[], bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION payments_lock(bigint[], bigint[]) TO fairclick_runtime;
"""
DROP_LOCK = "DROP FUNCTION payments_lock(bigint[], bigint[])"

READ = "payments_balance, payments_edge"
WRITE_ONCE = (
    "payments_account, payments_journal, payments_transfer, payments_fund, payments_hold, "
    "payments_checkpoint"
)
GRANTS = f"""
REVOKE ALL ON {READ}, {WRITE_ONCE} FROM fairclick_runtime;
GRANT SELECT ON {READ} TO fairclick_runtime;
GRANT SELECT, INSERT ON {WRITE_ONCE} TO fairclick_runtime;
"""
DROP_GRANTS = f"GRANT SELECT, INSERT, UPDATE, DELETE ON {READ}, {WRITE_ONCE} TO fairclick_runtime"


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_books"), ("core", "0001_privileges")]
    operations = [
        migrations.RunSQL(EDGES, DROP_EDGES),
        migrations.RunSQL(STORAGE, RESET_STORAGE),
        migrations.RunSQL(
            [ACCOUNT, FUND, HOLD, TRANSFER, CHECKPOINT, REFUSE, NEVER, BY_TRIGGERS, NO_TRUNCATE]
            + [ALWAYS],
            DROP_TRIGGERS,
        ),
        migrations.RunSQL(LOCK, DROP_LOCK),
        migrations.RunSQL(GRANTS, DROP_GRANTS),
    ]
