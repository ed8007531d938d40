from django.urls import URLPattern, path

from tasks.api import batches, earnings, offers, results, reviews, sealed, uploads, work
from tasks.views import batches as batch_pages
from tasks.views import drafts, exclusions, gold, images, media, work_task
from tasks.views import results as result_pages
from tasks.views import reviews as review_pages
from tasks.views import work as work_pages

urlpatterns: list[URLPattern] = [
    # workers
    path("work/", work_pages.work, name="work"),
    path("work/mine/", work_pages.my_work, name="my_work"),
    path("work/archive/", work_pages.archive, name="archive"),
    path("work/settings/", work_pages.work_settings, name="work_settings"),
    path("work/batches/<id:batch_id>/", work_pages.work_batch, name="work_batch"),
    path("work/batches/<id:batch_id>/claim", work_pages.claim, name="claim"),
    path("work/tasks/<id:assignment_id>/", work_task.work_task, name="work_task"),
    path("work/tasks/<id:assignment_id>/unsubmit", work_task.unsubmit, name="unsubmit"),
    path("work/exclusions/<id:exclusion_id>/", exclusions.exclusion_reply, name="exclusion_reply"),
    path("media/<uuid:media_id>/", media.media, name="media"),
    # clients
    path("batches/", batch_pages.batches, name="batches"),
    path("batches/new/", drafts.batch_new, name="batch_new"),
    path("batches/<id:batch_id>/", batch_pages.batch, name="batch"),
    path("batches/<id:batch_id>/edit/", drafts.batch_edit, name="batch_edit"),
    path("batches/<id:batch_id>/tasks/", drafts.batch_upload, name="batch_upload"),
    path("batches/<id:batch_id>/images/", images.batch_images, name="batch_images"),
    path("batches/<id:batch_id>/gold/", gold.batch_gold, name="batch_gold"),
    path("batches/<id:batch_id>/publish/", batch_pages.batch_publish, name="batch_publish"),
    path("batches/<id:batch_id>/progress/", batch_pages.batch_progress, name="batch_progress"),
    path("batches/<id:batch_id>/step/<slug:step>/", batch_pages.batch_step, name="batch_step"),
    path(
        "batches/<id:batch_id>/assignments/",
        review_pages.batch_assignments,
        name="batch_assignments",
    ),
    path(
        "batches/<id:batch_id>/assignments/<id:assignment_id>/",
        result_pages.batch_result,
        name="batch_result",
    ),
    path(
        "batches/<id:batch_id>/assignments/<id:assignment_id>/approve/",
        review_pages.assignment_approve,
        name="assignment_approve",
    ),
    path(
        "batches/<id:batch_id>/approvals/",
        review_pages.batch_approve_all,
        name="batch_approve_all",
    ),
    path("batches/<id:batch_id>/sample/", review_pages.batch_sample, name="batch_sample"),
    path("batches/<id:batch_id>/exclusions/", exclusions.batch_exclusions, name="batch_exclusions"),
    path("batches/<id:batch_id>/results/", result_pages.batch_results, name="batch_results"),
    path("operations/<id:operation_id>/", review_pages.operation, name="operation"),
    path("tasks/<id:task_id>/ledger/", result_pages.task_ledger, name="task_ledger"),
]

api_urlpatterns = [
    # clients
    path("batches", batches.Batches.as_view()),
    path("batches/<id:batch_id>", batches.BatchDetail.as_view()),
    path("batches/<id:batch_id>/tasks", uploads.Tasks.as_view()),
    path("batches/<id:batch_id>/media", uploads.Media.as_view()),
    path("batches/<id:batch_id>/quote", batches.Quote.as_view()),
    path("batches/<id:batch_id>/publish", batches.Publish.as_view()),
    path("batches/<id:batch_id>/pause", batches.Pause.as_view()),
    path("batches/<id:batch_id>/resume", batches.Resume.as_view()),
    path("batches/<id:batch_id>/close", batches.Close.as_view()),
    path("batches/<id:batch_id>/progress", batches.Progress.as_view()),
    path("batches/<id:batch_id>/assignments", reviews.BatchAssignments.as_view()),
    path("batches/<id:batch_id>/approvals", reviews.Approvals.as_view()),
    path("batches/<id:batch_id>/sample", sealed.Sample.as_view()),
    path("batches/<id:batch_id>/gold", sealed.KnownAnswers.as_view()),
    path("batches/<id:batch_id>/exclusions", sealed.Exclusions.as_view()),
    path("batches/<id:batch_id>/results", results.Results.as_view()),
    path("assignments/<id:assignment_id>", reviews.AssignmentDetail.as_view()),
    path("assignments/<id:assignment_id>/open", sealed.Open.as_view()),
    path("assignments/<id:assignment_id>/approve", reviews.Approve.as_view()),
    path("operations/<id:operation_id>", reviews.OperationDetail.as_view()),
    path("tasks/<id:task_id>/ledger", results.TaskLedger.as_view()),
    # workers
    path("work/batches", offers.Offers.as_view()),
    path("work/batches/<id:batch_id>", offers.OfferDetail.as_view()),
    path("work/batches/<id:batch_id>/claim", offers.Claim.as_view()),
    path("work/assignments", work.WorkAssignments.as_view()),
    path("work/assignments/<id:assignment_id>", work.WorkAssignment.as_view()),
    path("work/assignments/<id:assignment_id>/draft", work.WorkDraft.as_view()),
    path("work/assignments/<id:assignment_id>/heartbeat", work.WorkHeartbeat.as_view()),
    path("work/assignments/<id:assignment_id>/extend", work.WorkExtend.as_view()),
    path("work/assignments/<id:assignment_id>/submit", work.WorkSubmit.as_view()),
    path("work/assignments/<id:assignment_id>/release", work.WorkRelease.as_view()),
    path("work/assignments/<id:assignment_id>/unsubmit", work.WorkUnsubmit.as_view()),
    path("work/exclusions/<id:exclusion_id>/reply", sealed.ReplyToExclusion.as_view()),
    path("work/earnings", earnings.Earnings.as_view()),
    path("work/archive", earnings.Archive.as_view()),
    path("work/offline", earnings.Offline.as_view()),
]
