"""The log of decisions: numbered and chained by the database, and never changed.

Each entry's hash covers the one before it, so that nobody can take one out, change or add one in
the middle without every later hash being wrong (`manage.py verify_log`).
"""

from django.db import migrations

# Two decisions at once follow one another: the lock ends with the transaction.
CHAIN = """
CREATE FUNCTION disputes_log_hash(entry disputes_logentry) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(entry.previous || convert_to(jsonb_build_array(entry.number, entry.kind,
        entry.by_id, entry.about_kind, entry.about_id, entry.data,
        extract(epoch FROM entry.at))::text, 'UTF8'))
$$;

CREATE FUNCTION disputes_log_chained() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('disputes_logentry'));
    SELECT number + 1, hash INTO NEW.number, NEW.previous
      FROM disputes_logentry ORDER BY number DESC LIMIT 1;
    NEW.number := coalesce(NEW.number, 1);
    NEW.previous := coalesce(NEW.previous, ''::bytea);
    NEW.hash := disputes_log_hash(NEW);
    RETURN NEW;
END $$;
CREATE TRIGGER disputes_logentry_chained BEFORE INSERT ON disputes_logentry
FOR EACH ROW EXECUTE FUNCTION disputes_log_chained();

CREATE FUNCTION disputes_log_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log of decisions is kept' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER disputes_logentry_kept BEFORE UPDATE OR DELETE ON disputes_logentry
FOR EACH ROW EXECUTE FUNCTION disputes_log_kept();
CREATE TRIGGER disputes_logentry_whole BEFORE TRUNCATE ON disputes_logentry
FOR EACH STATEMENT EXECUTE FUNCTION disputes_log_kept();
ALTER TABLE disputes_logentry ENABLE ALWAYS TRIGGER disputes_logentry_chained;
ALTER TABLE disputes_logentry ENABLE ALWAYS TRIGGER disputes_logentry_kept;
REVOKE UPDATE, DELETE, TRUNCATE ON disputes_logentry, disputes_decision FROM fairclick_runtime;
"""
UNCHAIN = """
DROP TRIGGER disputes_logentry_whole ON disputes_logentry;
DROP TRIGGER disputes_logentry_kept ON disputes_logentry;
DROP TRIGGER disputes_logentry_chained ON disputes_logentry;
DROP FUNCTION disputes_log_kept();
DROP FUNCTION disputes_log_chained();
DROP FUNCTION disputes_log_hash(disputes_logentry);
GRANT UPDATE, DELETE ON disputes_logentry, disputes_decision TO fairclick_runtime;
"""


class Migration(migrations.Migration):
    dependencies = [("disputes", "0001_initial"), ("core", "0001_privileges")]
    operations = [migrations.RunSQL(CHAIN, UNCHAIN)]
