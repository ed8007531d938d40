"""Who a key belongs to: asked by every request of the API, so its plan is kept."""

from django.db import migrations

KEY = """
CREATE FUNCTION accounts_key(
    p_prefix text, p_secret_hash text, p_now timestamptz,
    OUT key accounts_apikey, OUT person accounts_user, OUT member accounts_member,
    OUT client accounts_client
) LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT * INTO key FROM accounts_apikey
     WHERE prefix = p_prefix AND secret_hash = p_secret_hash AND revoked_at IS NULL
       AND expires_at > p_now;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO person FROM accounts_user WHERE id = key.user_id AND is_active;
    SELECT * INTO member FROM accounts_member WHERE user_id = key.user_id;
    SELECT * INTO client FROM accounts_client WHERE id = member.client_id;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunSQL(KEY, "DROP FUNCTION accounts_key")]
