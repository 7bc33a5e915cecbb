/* What runners and optimizers have counted: in which mode the module ran, how many backwards went into a step, and who
 * moves which parameter. */
#include <stdio.h>
#include <string.h>

#include "monitor/monitor.h"

/* ---- who moves what ---- */

/* Parameters are told by where they lie: an optimizer may have been made for a part of the module, or for more. */
static dnn_status link_one(dnn_monitor *m, const dnni_index *index, const dnn_optimizer *o) {
    const dnni_index *theirs;
    DNNI_TRY(dnni_index_get(&theirs, o->module));
    for (int64_t i = 0; i < m->n_tensors; i++) {
        monitor_tensor *t = &m->tensors[i];
        const dnni_parameter *p = index->parameters[t->place].parameter;
        for (int64_t k = 0; k < o->n_slots && !t->optimizer; k++) {
            int64_t place = o->slots[k].place;
            if (place >= theirs->n_parameters || theirs->parameters[place].parameter != p) continue;
            t->optimizer = o;
            t->slot = &o->slots[k];
        }
    }
    return DNN_OK;
}

dnn_status monitor_link(dnn_monitor *m, const dnni_index *index) {
    for (int64_t i = 0; i < m->n_optimizers; i++) DNNI_TRY(link_one(m, index, m->optimizers[i].optimizer));
    return DNN_OK;
}

void monitor_owners(dnn_monitor *m, const dnni_index *index) {
    const monitor_tensor *first = NULL;
    int64_t without = 0;
    for (int64_t i = 0; i < m->n_tensors; i++) {
        const monitor_tensor *t = &m->tensors[i];
        if (t->optimizer || index->parameters[t->place].parameter->frozen) continue;
        if (without++ == 0) first = t;
    }
    monitor_note *note = first ? monitor_note_of(m, NOTE_NO_OPTIMIZER, DNN_SEVERITY_WARNING) : NULL;
    if (!note) return;
    MONITOR_SAY(note->what, "no optimizer moves %s%s, and it is not frozen", first->path,
                without > 1 ? " and others" : "");
    MONITOR_SAY(note->how, "%lld of %lld tensors are in none of the %lld optimizers", (long long)without,
                (long long)m->n_tensors, (long long)m->n_optimizers);
    MONITOR_SAY(note->action, "make the optimizer for the whole module, tell the monitor of another one "
                              "(dnn_monitor_add_optimizer), or freeze them");
    MONITOR_SAY(note->set, "%s", first->path);
    monitor_send(m, NOTE_NO_OPTIMIZER);
}

/* ---- what an optimizer stepped on ---- */

static void check_many(dnn_monitor *m, const dnn_optimizer *o) {
    monitor_note *note = monitor_note_of(m, NOTE_NOT_CLEARED, DNN_SEVERITY_ERROR);
    if (!note) return;
    MONITOR_SAY(note->what, "gradients are not cleared: the optimizer stepped on %d backwards added up, of %d declared",
                o->missteps.most, o->accumulation);
    MONITOR_SAY(note->how, "%lld of its %lld steps", (long long)o->missteps.many, (long long)*dnni_steps(o->steps));
    MONITOR_SAY(note->action, "call dnn_optimizer_zero_grad before each backward, or declare what is meant "
                              "(dnn_optimizer_set_accumulation)");
    monitor_send(m, NOTE_NOT_CLEARED);
}

static void check_none(dnn_monitor *m, const dnn_optimizer *o) {
    monitor_note *note = monitor_note_of(m, NOTE_NO_BACKWARD, DNN_SEVERITY_ERROR);
    if (!note) return;
    MONITOR_SAY(note->what, "the optimizer stepped without a backward: the gradients were those of nothing");
    MONITOR_SAY(note->how, "%lld of its %lld steps", (long long)o->missteps.none, (long long)*dnni_steps(o->steps));
    MONITOR_SAY(note->action, "the order is zero_grad, forward, loss, backward, step; check what each of them returns");
    monitor_send(m, NOTE_NO_BACKWARD);
}

/* Whether a step without a backward was seen that another finding does not explain. */
static bool see_steps(dnn_monitor *m) {
    bool none = false;
    for (int64_t i = 0; i < m->n_optimizers; i++) {
        monitor_optimizer *seen = &m->optimizers[i];
        if (seen->optimizer->missteps.many > seen->seen.many) check_many(m, seen->optimizer);
        none = none || seen->optimizer->missteps.none > seen->seen.none;
    }
    return none;
}

static void tell_none(dnn_monitor *m) {
    for (int64_t i = 0; i < m->n_optimizers; i++) {
        monitor_optimizer *seen = &m->optimizers[i];
        if (seen->optimizer->missteps.none > seen->seen.none) check_none(m, seen->optimizer);
    }
}

/* ---- modes ---- */

static dnn_severity severity_of_modes(const dnn_monitor *m) {
    return m->differs ? DNN_SEVERITY_ERROR : DNN_SEVERITY_NOTE;
}

static const char *what_differs(const dnn_monitor *m) {
    return m->differs ? "dropout and batch norm do something else there"
                      : "no layer of this network does anything else there";
}

static dnni_tally since(const dnni_tally *now, const dnni_tally *then) {
    return (dnni_tally){now->forwards_training - then->forwards_training,
                        now->forwards_evaluating - then->forwards_evaluating,
                        now->backwards_training - then->backwards_training,
                        now->backwards_evaluating - then->backwards_evaluating};
}

static dnni_tally take_tally(dnn_monitor *m) {
    dnni_tally now = dnni_runner_tally(m->module->runner), new = since(&now, &m->seen);
    m->seen = now;
    return new;
}

static void check_training(dnn_monitor *m, const dnni_tally *t) {
    monitor_note *note = monitor_note_of(m, NOTE_TRAINING, severity_of_modes(m));
    if (!note) return;
    MONITOR_SAY(note->what, "the module trains in evaluation mode: %s", what_differs(m));
    MONITOR_SAY(note->how, "since the last step %lld forwards ran in evaluation mode, none in training mode",
                (long long)t->forwards_evaluating);
    MONITOR_SAY(note->action, "call dnn_module_train after each evaluation, before the next batch");
    monitor_send(m, NOTE_TRAINING);
}

void monitor_modes_step(dnn_monitor *m) {
    bool none = see_steps(m);
    dnni_tally t = take_tally(m);
    bool evaluating = t.forwards_evaluating > 0 && t.forwards_training == 0;
    if (t.backwards_evaluating > 0 || (none && evaluating)) check_training(m, &t);
    else if (none) tell_none(m);
    for (int64_t i = 0; i < m->n_optimizers; i++) m->optimizers[i].seen = m->optimizers[i].optimizer->missteps;
}

void monitor_modes_validate(dnn_monitor *m) {
    dnni_tally t = take_tally(m);
    int64_t forwards = t.forwards_training - t.backwards_training;
    monitor_note *note = forwards > 0 ? monitor_note_of(m, NOTE_EVALUATING, severity_of_modes(m)) : NULL;
    if (!note) return;
    MONITOR_SAY(note->what, "the module is evaluated in training mode: %s", what_differs(m));
    MONITOR_SAY(note->how, "%lld forwards ran in training mode, without a backward, between the last step and the "
                           "validation", (long long)forwards);
    MONITOR_SAY(note->action, "call dnn_module_eval before, and dnn_module_train after; or use a predictor, which "
                              "cannot get it wrong");
    monitor_send(m, NOTE_EVALUATING);
}
