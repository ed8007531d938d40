"""Makes the database roles: owner (migrations), runtime (the product), reader (reports), and
client, as which the runtime reads answers for clients."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

ROLES = ("fairclick_owner", "fairclick_runtime", "fairclick_reader", "fairclick_client")


class Command(BaseCommand):
    """Safe to repeat. Needs a sign-in that may create roles; see docs/operations.md."""

    help = "Creates the database roles " + ", ".join(ROLES) + "."

    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            for role in ROLES:
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE ROLE {role} NOLOGIN")
            cursor.execute(f"GRANT {', '.join(ROLES)} TO CURRENT_USER")
            cursor.execute("GRANT USAGE, CREATE ON SCHEMA public TO fairclick_owner")
            cursor.execute(f"GRANT USAGE ON SCHEMA public TO {', '.join(ROLES)}")
        self.stdout.write("roles: " + ", ".join(ROLES))
