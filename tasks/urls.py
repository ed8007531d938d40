from django.urls import URLPattern, path

from tasks.api import batches, earnings, offers, results, reviews, uploads, work
from tasks.views import media, work_task
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
    path("media/<uuid:media_id>/", media.media, name="media"),
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
    path("batches/<id:batch_id>/results", results.Results.as_view()),
    path("assignments/<id:assignment_id>", reviews.AssignmentDetail.as_view()),
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
    path("work/earnings", earnings.Earnings.as_view()),
    path("work/archive", earnings.Archive.as_view()),
    path("work/offline", earnings.Offline.as_view()),
]
