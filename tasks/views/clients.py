"""What the pages of clients share: who acts, and what of theirs is loaded."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404

from accounts.models import Member, User
from accounts.selectors import acting_member
from tasks.models import Batch

P = ParamSpec("P")


def for_members(
    view: Callable[Concatenate[HttpRequest, Member, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Lets members of a client in, and passes the membership by which they act to the view."""

    @login_required
    @wraps(view)
    def run(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        assert isinstance(request.user, User)
        return view(request, acting_member(request.user), *args, **kwargs)

    return run


def batch_or_404(member: Member, batch_id: int) -> Batch:
    """A batch of the member's client, its figures loaded."""
    found = Batch.objects.visible_to(member.user).select_related("client", "figures")
    return get_object_or_404(found, pk=batch_id)
