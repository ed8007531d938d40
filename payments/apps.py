from django.apps import AppConfig
from django.core import checks

from payments.checks import check_database


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        checks.register(check_database, checks.Tags.database)
