from django.urls import URLPattern, path

from payments import api

urlpatterns: list[URLPattern] = []

api_urlpatterns = [
    path("balance", api.Balance.as_view()),
    path("transfers", api.Transfers.as_view()),
    path("deposits", api.Deposits.as_view()),
    path("work/payouts", api.Payouts.as_view()),
    path("work/payouts/<id:payout_id>", api.PayoutDetail.as_view()),
    path("work/payouts/<id:payout_id>/cancel", api.PayoutCancel.as_view()),
]
