from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.authentication import PageSessionAuthentication
from marketplace import metrics, views

# The page is in our frame, which shows who is signed in.
api_docs = SpectacularSwaggerSplitView.as_view(
    url_name="api_schema",
    template_name="marketplace/api_docs.html",
    authentication_classes=[PageSessionAuthentication],
)

urlpatterns = [
    path("", views.home, name="home"),
    path("rules/", views.rule_book, name="rules"),
    path("docs/errors", views.errors, name="errors"),
    path("language", views.set_language, name="set_language"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="api_schema"),
    path("api/docs/", api_docs, name="api_docs"),
]

handler404 = "marketplace.views.not_found"
handler500 = "marketplace.views.server_error"
