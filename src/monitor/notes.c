/* What was found: kept as text, without memory of its own, until somebody wants a report. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "monitor/monitor.h"
#include "report/report.h"

static const char *const names[NOTE_KINDS] = {
    [NOTE_DIVERGED] = "diverged", [NOTE_LOSS_SPIKE] = "loss-spike", [NOTE_LOSS_STUCK] = "loss-stuck",
    [NOTE_GRADIENT_SPIKE] = "gradient-spike", [NOTE_VANISHING] = "vanishing-gradient",
    [NOTE_TOO_LARGE] = "updates-too-large", [NOTE_TOO_SMALL] = "updates-too-small", [NOTE_DEAD] = "dead-units",
    [NOTE_NOT_CLEARED] = "gradients-not-cleared", [NOTE_NO_BACKWARD] = "step-without-backward",
    [NOTE_EVALUATING] = "evaluating-in-train-mode", [NOTE_TRAINING] = "training-in-eval-mode",
    [NOTE_NO_OPTIMIZER] = "parameters-without-optimizer", [NOTE_DECAY] = "decay-crushes-weights",
    [NOTE_SAME_EPOCHS] = "same-every-epoch"};

note_kind monitor_note_find(const char *name) {
    int kind = 0;
    while (kind < NOTE_KINDS && strcmp(names[kind], name) != 0) kind++;
    return (note_kind)kind;
}

monitor_note *monitor_note_of(dnn_monitor *m, note_kind kind, dnn_severity severity) {
    monitor_note *note = &m->notes[kind];
    if (m->ignored[kind]) return NULL;
    if (note->times++ == 0) note->first = m->steps;
    note->last = m->steps;
    if (severity <= note->severity) return NULL;
    note->severity = severity;
    note->how[0] = note->action[0] = note->set[0] = '\0';
    return note;
}

void monitor_send(dnn_monitor *m, note_kind kind) {
    const monitor_note *note = &m->notes[kind];
    dnn_log_level level = note->severity > DNN_SEVERITY_NOTE ? DNN_LOG_WARNING : DNN_LOG_INFO;
    dnni_log(m->base.ctx, level, "monitor, step %lld: %s: %s%s%s", (long long)m->steps, names[kind], note->what,
             note->action[0] ? ": " : "", note->action);
}

/* ---- the report ---- */

static dnn_status report_note(dnn_report *r, const monitor_note *note, const char *name) {
    char times[96];
    if (note->times == 1) snprintf(times, sizeof times, "in step %lld", (long long)note->first);
    else
        snprintf(times, sizeof times, "%lld times, in step %lld first, in step %lld last", (long long)note->times,
                 (long long)note->first, (long long)note->last);
    DNNI_TRY(dnni_report_add(r, note->severity, name, "%s", note->what));
    DNNI_TRY(dnni_report_how(r, "%s%sseen %s", note->how, note->how[0] ? "; " : "", times));
    DNNI_TRY(dnni_report_action(r, "%s", note->action));
    return dnni_report_set(r, note->set);
}

static dnn_status report_figures(dnn_report *r, const dnn_monitor *m) {
    const dnn_monitor_figures *f = &m->figures;
    const dnn_figure all[] = {{.name = "steps", .value = (double)f->steps},
                              {.name = "first loss", .value = m->loss.first},
                              {.name = "loss", .value = f->loss},
                              {.name = "smoothed loss", .value = f->smoothed, .note = "over about 50 steps"},
                              {.name = "best smoothed loss", .value = f->best},
                              {.name = "gradient norm", .value = f->gradient_norm, .note = "estimated"},
                              {.name = "update to weight", .value = f->update_ratio, .note = "1e-3 is usual"},
                              {.name = "rate", .value = f->lr},
                              {.name = "validation", .value = f->validation}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!isnan(all[i].value)) DNNI_TRY(dnn_report_add_figure(r, all[i].name, all[i].value, all[i].note));
    return DNN_OK;
}

static dnn_status fill(dnn_report *r, const dnn_monitor *m) {
    for (int kind = 0; kind < NOTE_KINDS; kind++)
        if (m->notes[kind].severity != DNN_SEVERITY_NONE) DNNI_TRY(report_note(r, &m->notes[kind], names[kind]));
    DNNI_TRY(report_figures(r, m));
    return m->autopsy ? dnn_report_append(r, m->autopsy) : DNN_OK;
}

dnn_status dnn_monitor_report(dnn_report **out, const dnn_monitor *monitor) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check(monitor, DNNI_MONITOR, "monitor"));
    dnn_report *r;
    DNNI_TRY(dnni_report_new(&r, monitor->base.ctx, "how the run goes"));
    dnn_status status = fill(r, monitor);
    if (status == DNN_OK) *out = r;
    else dnn_report_release(r);
    return status;
}

dnn_severity dnn_monitor_worst(const dnn_monitor *monitor) {
    if (dnni_check(monitor, DNNI_MONITOR, "monitor") != DNN_OK) return DNN_SEVERITY_NONE;
    dnn_severity worst = DNN_SEVERITY_NONE;
    for (int kind = 0; kind < NOTE_KINDS; kind++)
        if (monitor->notes[kind].severity > worst) worst = monitor->notes[kind].severity;
    return worst;
}
