from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.authentication import PageSessionAuthentication
from accounts.urls import api_urlpatterns as accounts_api
from disputes.urls import api_urlpatterns as disputes_api
from marketplace import earnings, metrics, money, transparency, views
from payments.urls import api_urlpatterns as payments_api
from tasks.urls import api_urlpatterns as tasks_api

# The page is in our frame, which shows who is signed in.
api_docs = SpectacularSwaggerSplitView.as_view(
    url_name="api_schema",
    template_name="marketplace/api_docs.html",
    authentication_classes=[PageSessionAuthentication],
)

# Staff signs in like everybody: with the same throttle and the same second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", views.home, name="home"),
    path("rules/", views.rule_book, name="rules"),
    path("transparency/", transparency.transparency, name="transparency"),
    path("transparency.json", transparency.transparency_json, name="transparency_json"),
    path("docs/errors", views.errors, name="errors"),
    path("language", views.set_language, name="set_language"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("money/", money.money, name="money"),
    path("money/deposit", money.deposit, name="money_deposit"),
    path("earnings/", earnings.earnings, name="earnings"),
    path("earnings/payouts/", earnings.payouts, name="payouts"),
    path("earnings/payouts/request", earnings.payout_request, name="payout_request"),
    path("earnings/payouts/<id:payout_id>/cancel", earnings.payout_cancel, name="payout_cancel"),
    path("", include("accounts.urls")),
    path("", include("tasks.urls")),
    path("", include("disputes.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include([*accounts_api, *payments_api, *tasks_api, *disputes_api])),
    path("api/schema/", SpectacularAPIView.as_view(), name="api_schema"),
    path("api/docs/", api_docs, name="api_docs"),
]

handler404 = "marketplace.views.not_found"
handler500 = "marketplace.views.server_error"
