"""A client's rejections: made for a reason, withdrawn, defended when they are contested."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import person
from accounts.selectors import acting_member
from accounts.states import Scope
from core.api.fields import Strict, Text, Whole
from core.api.schema import endpoint
from core.api.views import Api
from disputes.api.shapes import DisputeBriefOut, RejectionOut, dispute_shown, rejection_shown
from disputes.selectors import cases
from disputes.services import rejections, replies


class Reject(Api):
    scope = Scope.BATCHES_WRITE

    class In(Strict):
        category = Text(
            help_text="`wrong`, `incomplete`, `instructions`, `language` or `random`. How long it "
            "took, the device and the connection are no grounds."
        )
        criterion = Whole(help_text="The number of the batch's criterion, from 1.")
        explanation = Text(
            help_text="40 to 4,000 characters: what is wrong with this very answer. Its worker "
            "reads it."
        )

    @endpoint(
        "reject_assignment",
        takes=In,
        gives=RejectionOut,
        refuses={
            403: ["not_verified", "suspended"],
            409: ["illegal_move", "frozen"],
            422: ["unopened", "equals_paid", "no_right_to_reject"],
        },
    )
    def post(self, request: Request, assignment_id: int) -> Response:
        """Refuse to pay for an answer you opened, for a reason. From then on it is sealed again.

        Its worker reads who rejected it and why, and has 14 days to contest. Many rejections, or
        the same text again and again, become disputes by themselves.
        """
        made = rejections.reject_assignment(
            assignment_id=assignment_id,
            by=acting_member(person(request)),
            now=timezone.now(),
            **self.body(self.In),
        )
        return Response(RejectionOut(rejection_shown(made)).data)


class Withdraw(Api):
    scope = Scope.BATCHES_WRITE

    @endpoint("withdraw_rejection", gives=RejectionOut, refuses={409: ["illegal_move"]})
    def post(self, request: Request, assignment_id: int) -> Response:
        """Take a rejection back and pay in full, until it is final. Then the answer is yours."""
        withdrawn = rejections.withdraw_rejection(
            assignment_id=assignment_id, by=acting_member(person(request)), now=timezone.now()
        )
        return Response(RejectionOut(rejection_shown(withdrawn)).data)


class Reply(Api):
    scope = Scope.BATCHES_WRITE

    class In(Strict):
        text = Text(help_text="20 to 4,000 characters. The workers of the case read it.")

    @endpoint(
        "reply_to_dispute",
        takes=In,
        gives=DisputeBriefOut,
        refuses={400: ["text_length"], 409: ["illegal_move", "too_late"]},
    )
    def post(self, request: Request, dispute_id: int) -> Response:
        """Answer a dispute: once, within 72 hours. Who stays silent has lost it."""
        user, now = person(request), timezone.now()
        replies.reply(dispute_id=dispute_id, by=acting_member(user), now=now, **self.body(self.In))
        replied = cases.disputes(user).get(pk=dispute_id)
        return Response(DisputeBriefOut(dispute_shown(replied, user=user, now=now)).data)
