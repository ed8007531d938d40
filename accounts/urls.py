from django.urls import path

from accounts import api, views

urlpatterns = [
    path("settings/", views.settings, name="settings"),
    path("settings/keys/", views.api_keys, name="api_keys"),
    path("settings/keys/<id:key_id>/revoke", views.revoke_api_key, name="revoke_api_key"),
    path("settings/members/", views.members, name="members"),
    path("settings/organisation/", views.create_client, name="create_client"),
    path("settings/members/<id:member_id>/remove", views.remove_member, name="remove_member"),
    path("suspension/", views.suspension, name="suspension"),
    path("clients/to-verify/", views.clients_to_verify, name="clients_to_verify"),
    path("clients/<id:client_id>/verify", views.verify_client, name="verify_client"),
]

api_urlpatterns = [
    path("api-keys", api.ApiKeys.as_view()),
    path("api-keys/<id:key_id>", api.ApiKeyDetail.as_view()),
    path("suspension", api.SuspensionDetail.as_view()),
    path("suspension/reply", api.SuspensionReply.as_view()),
    path("members", api.Members.as_view()),
    path("members/<id:member_id>", api.MemberDetail.as_view()),
]
