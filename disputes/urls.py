from django.urls import URLPattern, path

from disputes.api import adjudicators
from disputes.api import cases as api_cases
from disputes.api import clients as api_clients
from disputes.api import workers as api_workers
from disputes.views import clients, shared, workers
from disputes.views.console import cases, log, queue, reports, suspensions

urlpatterns: list[URLPattern] = [
    # clients
    path(
        "batches/<id:batch_id>/assignments/<id:assignment_id>/review/",
        clients.answer_review,
        name="answer_review",
    ),
    path(
        "batches/<id:batch_id>/assignments/<id:assignment_id>/open/",
        clients.answer_open,
        name="answer_open",
    ),
    path(
        "batches/<id:batch_id>/assignments/<id:assignment_id>/reject/",
        clients.assignment_reject,
        name="assignment_reject",
    ),
    path(
        "batches/<id:batch_id>/assignments/<id:assignment_id>/withdraw/",
        clients.rejection_withdraw,
        name="rejection_withdraw",
    ),
    path("disputes/<id:dispute_id>/reply/", clients.dispute_reply, name="dispute_reply"),
    # both sides
    path("disputes/", shared.disputes, name="disputes"),
    path("disputes/<id:dispute_id>/", shared.dispute, name="dispute"),
    path("disputes/<id:dispute_id>/evidence/", shared.dispute_evidence, name="dispute_evidence"),
    path("evidence/<uuid:evidence_id>/", shared.evidence, name="evidence"),
    # workers
    path("work/tasks/<id:assignment_id>/refusal/", workers.refusal, name="refusal"),
    path(
        "work/tasks/<id:assignment_id>/refusal/contest/",
        workers.refusal_contest,
        name="refusal_contest",
    ),
    path("work/tasks/<id:assignment_id>/refusal/say/", workers.refusal_say, name="refusal_say"),
    path(
        "work/tasks/<id:assignment_id>/refusal/appeal/",
        workers.refusal_appeal,
        name="refusal_appeal",
    ),
    path("work/batches/<id:batch_id>/report/", workers.batch_report, name="batch_report"),
    # adjudicators
    path("console/", queue.console, name="console"),
    path("console/disputes/<id:dispute_id>/", cases.case, name="console_case"),
    path("console/disputes/<id:dispute_id>/decide/", cases.decide, name="console_decide"),
    path("console/batches/<id:batch_id>/unfreeze/", queue.unfreeze, name="console_unfreeze"),
    path("console/batches/<id:batch_id>/media/<uuid:media_id>/", cases.media, name="console_media"),
    path("console/reports/", reports.reports, name="console_reports"),
    path("console/reports/<id:report_id>/", reports.report, name="console_report"),
    path("console/suspensions/", suspensions.suspensions, name="console_suspensions"),
    path(
        "console/suspensions/<id:suspension_id>/",
        suspensions.suspension,
        name="console_suspension",
    ),
    path("console/log/", log.decision_log, name="console_log"),
]

api_urlpatterns: list[URLPattern] = [
    # clients
    path("assignments/<id:assignment_id>/reject", api_clients.Reject.as_view()),
    path("assignments/<id:assignment_id>/withdraw", api_clients.Withdraw.as_view()),
    path("disputes/<id:dispute_id>/reply", api_clients.Reply.as_view()),
    # both sides
    path("disputes", api_cases.Disputes.as_view()),
    path("disputes/<id:dispute_id>", api_cases.DisputeDetail.as_view()),
    path("disputes/<id:dispute_id>/evidence", api_cases.EvidenceOf.as_view()),
    path("evidence/<uuid:evidence_id>", api_cases.EvidenceFile.as_view()),
    # workers
    path("work/assignments/<id:assignment_id>/rejection", api_workers.Refusal.as_view()),
    path("work/assignments/<id:assignment_id>/contest", api_workers.Contest.as_view()),
    path("work/assignments/<id:assignment_id>/say", api_workers.Say.as_view()),
    path("work/assignments/<id:assignment_id>/appeal", api_workers.Appeal.as_view()),
    path("work/batches/<id:batch_id>/report", api_workers.ReportBatch.as_view()),
    # adjudicators
    path("disputes/<id:dispute_id>/decide", adjudicators.Decide.as_view()),
    path("batches/<id:batch_id>/unfreeze", adjudicators.Unfreeze.as_view()),
    path("reports", adjudicators.Reports.as_view()),
    path("reports/<id:report_id>", adjudicators.ReportDetail.as_view()),
    path("reports/<id:report_id>/decide", adjudicators.DecideReport.as_view()),
    path("suspensions", adjudicators.Suspensions.as_view()),
    path("suspensions/<id:suspension_id>/end", adjudicators.EndSuspension.as_view()),
    path("people/<id:person_id>/suspend", adjudicators.Suspend.as_view()),
    path("log", adjudicators.Log.as_view()),
]
