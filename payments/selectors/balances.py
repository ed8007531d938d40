"""What people have: one row each, kept by the database."""

from django.conf import settings

from payments.models import Balance
from payments.states import AccountKind


def client_balance(client_id: int) -> int:
    """The micros a client can spend; 0 before the first deposit."""
    return _balance(AccountKind.CLIENT, client_id)


def worker_balance(worker_id: int) -> int:
    """The micros a worker has earned and not taken out; 0 before the first payment."""
    return _balance(AccountKind.WORKER, worker_id)


def _balance(kind: AccountKind, owner: int) -> int:
    row = Balance.objects.filter(
        account__kind=kind, account__owner=owner, account__currency=settings.CURRENCY
    ).first()
    return row.credits - row.debits if row else 0
