/* Runs that are stopped and go on, and do not go on as they would have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mistakes/parts.h"

enum { N = 200, BATCH = 16, STEPS_BEFORE = 5 };

static double momentum_of_loss; /* what a program keeps for itself */

static void begin(program *p) {
    p->train = set_of(rows(p, 0, N));
    mlp(p, COLUMNS, 16, GROUPS);
    OK(dnn_cross_entropy_create(&p->loss, p->ctx, NULL));
    OK(dnn_sgd_create(&p->opt, p->net, DESC(dnn_sgd_desc, .lr = 0.05, .momentum = 0.9)));
    load(p, BATCH, 1);
    momentum_of_loss = 0;
}

static dnn_status turn(void *user) {
    program *p = user;
    const dnn_tensor *x, *target;
    dnn_status status = dnn_loader_next(p->loader, &x, &target);
    if (status == DNN_END) status = dnn_loader_next(p->loader, &x, &target);
    if (status != DNN_OK) return status;
    return step(p, x, target) ? DNN_OK : DNN_ERROR_STATE;
}

/* A rate that follows a figure that the program keeps in a variable. */
static dnn_status turn_with_memory(void *user) {
    program *p = user;
    momentum_of_loss = 0.9 * momentum_of_loss + 0.1 * p->value;
    OK(dnn_optimizer_set_lr(p->opt, 0.05 / (1 + momentum_of_loss)));
    return turn(p);
}

static void try_to_resume(program *p, const dnn_checkpoint_parts *parts, dnn_status (*one)(void *user)) {
    char path[128];
    dnn_report *report;
    for (int i = 0; i < STEPS_BEFORE; i++) OK(one(p));
    OK(dnn_resume_test(&report, program_path(p, path, "trial"), parts, one, p, 4));
    said(p, "dnn_resume_test", report);
}

/* The weights are kept, the optimizer is made anew. */
static void without_optimizer(program *p) {
    begin(p);
    dnn_checkpoint_parts parts = {DNN_SIZED(dnn_checkpoint_parts), .module = p->net,
                                  .optimizer = p->mistaken ? NULL : p->opt, .loader = p->loader};
    try_to_resume(p, &parts, turn);
}

/* The place in the data is not kept: the run begins the epoch again. */
static void without_place(program *p) {
    begin(p);
    dnn_checkpoint_parts parts = {DNN_SIZED(dnn_checkpoint_parts), .module = p->net, .optimizer = p->opt,
                                  .loader = p->mistaken ? NULL : p->loader};
    try_to_resume(p, &parts, turn);
}

/* Something in the program itself is not kept. */
static void with_a_variable(program *p) {
    begin(p);
    dnn_checkpoint_parts parts = {DNN_SIZED(dnn_checkpoint_parts), .module = p->net, .optimizer = p->opt,
                                  .loader = p->loader};
    try_to_resume(p, &parts, p->mistaken ? turn_with_memory : turn);
}

static const mistake mistakes[] = {
    {"resume without the optimizer's state", "resumed-run-differs", "dnn_resume_test", "fc", without_optimizer},
    {"resume without the place in the data", "resumed-run-differs", "dnn_resume_test", "fc", without_place},
    {"resume without a variable of the program", "resumed-run-differs", "dnn_resume_test", NULL, with_a_variable},
};

MISTAKES_MAIN(mistakes)
