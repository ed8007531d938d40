"""Endpoints of keys, members and suspension: for people, signed in with their browser.

Keys make no keys.
"""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.authentication import person
from accounts.models import ApiKey, Member, Suspension
from accounts.selectors import acting_member, keys_of, suspension_of
from accounts.states import MemberRole, Scope
from core.api.fields import Choice, Shape, Strict, Text, Whole
from core.api.schema import endpoint, paged
from core.api.views import Api, PageQuery
from core.errors import NotFound


class ApiKeyOut(Shape):
    id = serializers.IntegerField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The key begins with fck_ and this.")
    scopes = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To five minutes.")


class ApiKeys(Api):
    class In(Strict):
        name = Text(max_length=80)
        scopes = serializers.ListField(child=Choice(Scope), min_length=1)
        days = Whole(default=services.KEY_DAYS_DEFAULT, min_value=1)

    class Made(ApiKeyOut):
        key = serializers.CharField(help_text="Shown this once.")

    @endpoint("list_api_keys", query=PageQuery, gives=paged(ApiKeyOut))
    def get(self, request: Request) -> Response:
        """Your API keys, newest first."""
        order = ("-created_at", "-pk")
        return self.page(keys_of(person(request)), ApiKeyOut, order=order)

    @endpoint(
        "create_api_key",
        takes=In,
        gives=Made,
        status=201,
        refuses={409: ["too_many_keys"]},
    )
    def post(self, request: Request) -> Response:
        """Make an API key. The answer shows it, and nothing ever does again."""
        asked = self.body(self.In)
        key, text = services.create_api_key(user=person(request), now=timezone.now(), **asked)
        # Set on the object that is shown; the database knows only the hash.
        key.key = text  # type: ignore[attr-defined]
        return Response(self.Made(key).data, status=201)


class ApiKeyDetail(Api):
    @endpoint("get_api_key", gives=ApiKeyOut)
    def get(self, request: Request, key_id: int) -> Response:
        """One of your API keys."""
        return Response(ApiKeyOut(_key(request, key_id)).data)

    @endpoint("revoke_api_key", status=204)
    def delete(self, request: Request, key_id: int) -> Response:
        """Revoke an API key: it opens nothing any more, at once. Again changes nothing."""
        services.revoke_api_key(key_id=key_id, by=person(request), now=timezone.now())
        return Response(status=204)


def _key(request: Request, key_id: int) -> ApiKey:
    return get_object_or_404(keys_of(person(request)), pk=key_id)


class MemberOut(Shape):
    id = serializers.IntegerField()
    name = serializers.CharField(source="user.name")
    email = serializers.EmailField(source="user.email")
    role = Choice(MemberRole)
    joined_at = serializers.DateTimeField()


class Members(Api):
    scopes = {"GET": Scope.BATCHES_READ}

    class In(Strict):
        email = serializers.EmailField()
        role = Choice(MemberRole)

    @endpoint("list_members", query=PageQuery, gives=paged(MemberOut))
    def get(self, request: Request) -> Response:
        """Who acts for your organisation."""
        mine = Member.objects.filter(client=acting_member(person(request)).client_id)
        return self.page(mine.select_related("user"), MemberOut, order=("joined_at", "pk"))

    @endpoint("add_member", takes=In, gives=MemberOut, status=201)
    def post(self, request: Request) -> Response:
        """Add a person who signed up as client member and has no organisation. Owners only."""
        by = acting_member(person(request))
        added = services.add_member(
            client_id=by.client_id, by=by, now=timezone.now(), **self.body(self.In)
        )
        return Response(MemberOut(added).data, status=201)


class MemberDetail(Api):
    scopes = {"GET": Scope.BATCHES_READ}

    class In(Strict):
        role = Choice(MemberRole)

    @endpoint("get_member", gives=MemberOut)
    def get(self, request: Request, member_id: int) -> Response:
        """One member of your organisation."""
        mine = Member.objects.filter(client=acting_member(person(request)).client_id)
        return Response(
            MemberOut(get_object_or_404(mine.select_related("user"), pk=member_id)).data
        )

    @endpoint("change_member", takes=In, gives=MemberOut, refuses={409: ["last_owner"]})
    def patch(self, request: Request, member_id: int) -> Response:
        """Make a member an owner or a reviewer. Owners only; one owner stays."""
        asked: dict[str, Any] = self.body(self.In)
        changed = services.change_member(
            member_id=member_id, by=acting_member(person(request)), now=timezone.now(), **asked
        )
        return Response(MemberOut(changed).data)

    @endpoint("remove_member", status=204, refuses={409: ["last_owner"]})
    def delete(self, request: Request, member_id: int) -> Response:
        """End a membership. Owners only; one owner stays."""
        services.remove_member(
            member_id=member_id, by=acting_member(person(request)), now=timezone.now()
        )
        return Response(status=204)


class SuspensionOut(Shape):
    """Nothing new can be begun; everything else stays possible, and all money is kept (R16)."""

    by = serializers.CharField(help_text="Who suspended you.")
    reason = serializers.CharField()
    at = serializers.DateTimeField()
    reply = serializers.CharField(help_text="What you say to it.")
    replied_at = serializers.DateTimeField(allow_null=True)


def suspension_shown(found: Suspension) -> dict[str, Any]:
    same = ("reason", "at", "reply", "replied_at")
    return {name: getattr(found, name) for name in same} | {"by": found.by.known_as}


class SuspensionDetail(Api):
    @endpoint("get_suspension", gives=SuspensionOut)
    def get(self, request: Request) -> Response:
        """Your suspension, while it runs: by whom and why. 404 if you are not suspended."""
        found = suspension_of(person(request))
        if found is None:
            raise NotFound(_("You are not suspended."))
        return Response(SuspensionOut(suspension_shown(found)).data)


class SuspensionReply(Api):
    class In(Strict):
        text = Text(help_text="20 to 2,000 characters. Staff reads it.")

    @endpoint("reply_to_suspension", takes=In, gives=SuspensionOut, refuses={400: ["text_length"]})
    def post(self, request: Request) -> Response:
        """Say something to your suspension. Again replaces it."""
        replied = services.reply_to_suspension(
            user=person(request), now=timezone.now(), **self.body(self.In)
        )
        return Response(SuspensionOut(suspension_shown(replied)).data)
