/* Checkpoints: continued = uninterrupted, bit for bit; damage is found; what is of another run is refused; folders. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hash/crc32c.h"
#include "support/allocator.h"
#include "support/training_run.h"

static char folder[] = "/tmp/dnn-checkpoint-XXXXXX", path[128];

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/run.safetensors", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void start(training_run *r) { assert_int_equal(training_run_start(r, NULL, true), DNN_OK); }

static void steps(training_run *r, int n) {
    for (int i = 0; i < n; i++)
        if (training_run_step(r) != DNN_OK) fail_msg("%s", dnn_last_error());
}

#define OK(call)                                               \
    do {                                                       \
        if ((call) != DNN_OK) fail_msg("%s", dnn_last_error()); \
    } while (0)

/* The published check value, and both ways at every length and offset. */
static void test_crc32c(void **state) {
    (void)state;
    unsigned char bytes[70];
    for (int i = 0; i < 70; i++) bytes[i] = (unsigned char)(i * 37 + 11);
    for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
        assert_true(dnnk_crc32c(isa, 0, "123456789", 9) == 0xe3069283);
        assert_true(dnnk_crc32c(isa, 0, "", 0) == 0);
        assert_true(dnnk_crc32c(isa, dnnk_crc32c(isa, 0, "1234", 4), "56789", 5) == 0xe3069283);
        for (int at = 0; at < 8; at++)
            for (int n = 0; n + at <= 70; n++)
                assert_true(dnnk_crc32c(isa, 0, bytes + at, n) == dnnk_crc32c(DNNK_PORTABLE, 0, bytes + at, n));
    }
}

/* Stopped after every number of steps, in the middle of epochs too (an epoch has 7 batches). */
static void test_resumed_is_uninterrupted(void **state) {
    (void)state;
    for (int stop = 0; stop < 16; stop += 3) {
        training_run first, second;
        start(&first);
        steps(&first, stop);
        OK(dnn_checkpoint_write(path, &first.parts));
        steps(&first, 9);
        start(&second);
        steps(&second, 2); /* whatever was there before does not matter */
        OK(dnn_checkpoint_read(path, &second.parts));
        steps(&second, 9);
        assert_true(training_run_bits(&first) == training_run_bits(&second));
        training_run_end(&second);
        training_run_end(&first);
    }
}

/* Others read it: a checkpoint is a safetensors file; the weights of it load as weights do not, by another name. */
static void test_it_is_a_safetensors_file(void **state) {
    (void)state;
    training_run r;
    start(&r);
    steps(&r, 2);
    dnn_metadata note = {"accuracy", "0.5"};
    r.parts.metadata = &note;
    r.parts.n_metadata = 1;
    OK(dnn_checkpoint_write(path, &r.parts));
    dnn_archive *archive;
    dnn_tensor *weight;
    OK(dnn_safetensors_read(&archive, r.ctx, path));
    assert_string_equal(dnn_archive_metadata(archive, "accuracy"), "0.5");
    assert_string_equal(dnn_archive_metadata(archive, "dnn.checkpoint"), "1");
    OK(dnn_archive_tensor(&weight, archive, "module.conv.weight"));
    assert_int_equal(dnn_tensor_dim(weight, 3), 1);
    dnn_tensor_release(weight);
    dnn_archive_release(archive);
    note.key = "dnn.mine";
    assert_int_equal(dnn_checkpoint_write(path, &r.parts), DNN_ERROR_ARGUMENT);
    training_run_end(&r);
}

/* ---- damage ---- */

static unsigned char *contents_of(const char *name, long *bytes) {
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *bytes = ftell(file);
    rewind(file);
    unsigned char *data = malloc((size_t)*bytes);
    assert_int_equal(fread(data, 1, (size_t)*bytes, file), *bytes);
    fclose(file);
    return data;
}

static unsigned char *contents(long *bytes) { return contents_of(path, bytes); }

static void put(const char *where, const unsigned char *data, long bytes) {
    FILE *file = fopen(where, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, (size_t)bytes, file), bytes);
    fclose(file);
}

static void assert_damaged(training_run *r, uint64_t bits, const char *what, long at) {
    dnn_status status = dnn_checkpoint_read(path, &r->parts);
    if (status != DNN_ERROR_FORMAT && status != DNN_ERROR_UNSUPPORTED)
        fail_msg("%s %ld: status %d, %s", what, at, (int)status, dnn_last_error());
    assert_memory_equal(dnn_last_error(), path, strlen(path));
    assert_true(training_run_bits(r) == bits);
}

/* Every bit of the header, and bits of all tensors; every kind of truncation. The run in memory is untouched. */
static void test_damage(void **state) {
    (void)state;
    training_run r;
    long bytes;
    start(&r);
    steps(&r, 1);
    OK(dnn_checkpoint_write(path, &r.parts));
    steps(&r, 1);
    uint64_t bits = training_run_bits(&r);
    unsigned char *data = contents(&bytes);
    for (long bit = 0; bit < bytes * 8; bit += bit < 3000 * 8 ? 7 : 211) {
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        put(path, data, bytes);
        assert_damaged(&r, bits, "bit", bit);
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    for (long length = 0; length < bytes; length += length < 64 ? 1 : 173) {
        put(path, data, length);
        assert_damaged(&r, bits, "length", length);
    }
    put(path, data, bytes);
    OK(dnn_checkpoint_read(path, &r.parts));
    assert_true(training_run_bits(&r) != bits);
    free(data);
    training_run_end(&r);
}

/* A sum that is right over a content that is not: what a later version, or a forger, would write. */
static void write_forged(dnn_context *ctx, const char *version) {
    const char *name = "module.fc.weight";
    dnn_tensor *t;
    long bytes;
    dnn_metadata metadata[] = {{"dnn.checkpoint", version}, {"dnn.crc32c", "00000000"}};
    OK(dnn_tensor_create(&t, ctx, DNN_F32, 1, &(const int64_t){3}));
    OK(dnn_safetensors_write(ctx, path, &name, (const dnn_tensor *const[]){t}, 1, metadata, 2));
    unsigned char *data = contents(&bytes);
    char digits[9];
    snprintf(digits, sizeof digits, "%08lx", (unsigned long)dnnk_crc32c(DNNK_PORTABLE, 0, data, bytes));
    for (long i = 0; i + 8 < bytes; i++)
        if (memcmp(data + i, "00000000\"", 9) == 0) memcpy(data + i, digits, 8);
    put(path, data, bytes);
    free(data);
    dnn_tensor_release(t);
}

static void test_other_versions(void **state) {
    (void)state;
    training_run r;
    start(&r);
    steps(&r, 1);
    uint64_t bits = training_run_bits(&r);
    write_forged(r.ctx, "2");
    assert_int_equal(dnn_checkpoint_read(path, &r.parts), DNN_ERROR_UNSUPPORTED);
    assert_non_null(strstr(dnn_last_error(), "a checkpoint of version \"2\", this library reads version 1: a later one"));
    write_forged(r.ctx, "0");
    assert_int_equal(dnn_checkpoint_read(path, &r.parts), DNN_ERROR_FORMAT);
    write_forged(r.ctx, "1");
    assert_int_equal(dnn_checkpoint_read(path, &r.parts), DNN_ERROR_NOT_FOUND);
    OK(dnn_weights_save(r.net, path, NULL));
    assert_int_equal(dnn_checkpoint_read(path, &r.parts), DNN_ERROR_FORMAT);
    assert_non_null(strstr(dnn_last_error(), "this is no checkpoint"));
    assert_true(training_run_bits(&r) == bits);
    training_run_end(&r);
}

/* ---- another run ---- */

static void refused(const dnn_checkpoint_parts *parts, dnn_status wanted, const char *words) {
    dnn_status status = dnn_checkpoint_read(path, parts);
    if (status != wanted || !strstr(dnn_last_error(), words)) fail_msg("%d, %s", (int)status, dnn_last_error());
}

static void test_another_run(void **state) {
    (void)state;
    training_run r;
    start(&r);
    steps(&r, 2);
    OK(dnn_checkpoint_write(path, &r.parts));
    uint64_t bits = training_run_bits(&r);
    dnn_checkpoint_parts other = r.parts;
    dnn_linear_desc small = {DNN_SIZED(dnn_linear_desc), .in_features = 3, .out_features = 2};
    other.module = dnn_linear(r.ctx, &small);
    refused(&other, DNN_ERROR_NOT_FOUND, "\"module.weight\" is not in the checkpoint: it is of another model or run");
    dnn_module_release(other.module);
    other = r.parts;
    OK(dnn_sgd_create(&other.optimizer, r.net, &(dnn_sgd_desc){DNN_SIZED(dnn_sgd_desc), .momentum = 0.9}));
    refused(&other, DNN_ERROR_NOT_FOUND, "\"optimizer.conv.weight.momentum\" is not in the checkpoint");
    dnn_optimizer_release(other.optimizer);
    OK(dnn_sgd_create(&other.optimizer, r.net, NULL));
    refused(&other, DNN_ERROR_NOT_FOUND, "for which there is no place here");
    dnn_optimizer_release(other.optimizer);
    other = r.parts;
    OK(dnn_loader_create(&other.loader, r.data, &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = 5,
                                                                   .shuffle = 1, .seed = 3}));
    refused(&other, DNN_ERROR_STATE, "the loader's batch_size is 5, it was 8 when the checkpoint was made");
    dnn_loader_release(other.loader);
    other = r.parts;
    OK(dnn_tensor_create(&r.tensors[0], r.ctx, DNN_F64, 1, &(const int64_t){3}));
    refused(&other, DNN_ERROR_SHAPE, "\"host.history\" has shape [32] in the checkpoint, here it has [3]");
    dnn_tensor_release(r.tensors[0]);
    r.tensors[0] = r.history;
    assert_true(training_run_bits(&r) == bits);
    training_run_end(&r);
}

/* An evaluation takes the weights, and nothing else of its own changes. */
static void test_weights_alone(void **state) {
    (void)state;
    training_run r, fresh;
    start(&r);
    steps(&r, 3);
    OK(dnn_checkpoint_write(path, &r.parts));
    start(&fresh);
    dnn_checkpoint_parts alone = {DNN_SIZED(dnn_checkpoint_parts), .module = fresh.net};
    OK(dnn_checkpoint_read(path, &alone));
    dnn_parameter a = {DNN_SIZED(dnn_parameter)}, b = {DNN_SIZED(dnn_parameter)};
    OK(dnn_module_parameter(r.net, "fc.weight", &a));
    OK(dnn_module_parameter(fresh.net, "fc.weight", &b));
    assert_memory_equal(dnn_tensor_data(a.value), dnn_tensor_data(b.value), 4 * (size_t)dnn_tensor_count(a.value));
    assert_int_equal(dnn_optimizer_steps(fresh.opt), 0);
    training_run_end(&fresh);
    training_run_end(&r);
}

/* A parameter that the checkpoint's optimizer never stepped has no state afterwards. */
static void test_state_that_was_not_there(void **state) {
    (void)state;
    training_run r;
    dnn_optimizer_state s = {DNN_SIZED(dnn_optimizer_state)};
    start(&r);
    OK(dnn_module_freeze(r.net, "conv.*"));
    steps(&r, 1);
    OK(dnn_checkpoint_write(path, &r.parts));
    OK(dnn_module_unfreeze(r.net, "conv.*"));
    steps(&r, 2);
    OK(dnn_checkpoint_read(path, &r.parts));
    OK(dnn_optimizer_state_find(r.opt, "conv.weight", "steps", &s));
    assert_int_equal(*(int64_t *)dnn_tensor_data(s.value), 0);
    OK(dnn_optimizer_state_find(r.opt, "fc.weight", "steps", &s));
    assert_int_equal(*(int64_t *)dnn_tensor_data(s.value), 1);
    training_run_end(&r);
}

/* ---- folders ---- */

static int count_files(const char *in) {
    int n = 0;
    DIR *directory = opendir(in);
    while (directory && readdir(directory)) n++;
    if (directory) closedir(directory);
    return n - 2;
}

static void test_folder(void **state) {
    (void)state;
    training_run r, resumed;
    char run[160], name[256];
    int64_t number = 7;
    snprintf(run, sizeof run, "%s/run", folder);
    start(&r);
    assert_int_equal(dnn_checkpoint_resume(run, &r.parts, &number), DNN_ERROR_NOT_FOUND);
    assert_int_equal(number, -1);
    assert_non_null(strstr(dnn_last_error(), "/run: there is no such folder"));
    assert_int_equal(mkdir(run, 0700), 0);
    assert_int_equal(dnn_checkpoint_resume(run, &r.parts, NULL), DNN_ERROR_NOT_FOUND);
    snprintf(name, sizeof name, "%s/.dnn-1-0.tmp", run);
    put(name, (const unsigned char *)"left behind", 11);
    for (int i = 0; i < 5; i++) {
        steps(&r, 1);
        OK(dnn_checkpoint_save(run, &r.parts, NULL));
    }
    assert_int_equal(count_files(run), 3);
    start(&resumed);
    OK(dnn_checkpoint_resume(run, &resumed.parts, &number));
    assert_int_equal(number, 5);
    assert_true(training_run_bits(&r) == training_run_bits(&resumed));
    training_run_end(&resumed);
    training_run_end(&r);
}

/* One bit in the middle of a file. */
static void flip(const char *name) {
    long bytes;
    unsigned char *data = contents_of(name, &bytes);
    data[bytes / 2] ^= 4;
    put(name, data, bytes);
    free(data);
}

/* Goes on with the folder of test_folder: its newest file is cut short, the next one's bit flips, then all are bad. */
static void test_the_newest_whole_one(void **state) {
    (void)state;
    char run[160], name[256];
    int64_t number;
    snprintf(run, sizeof run, "%s/run", folder);
    training_run r;
    start(&r);
    for (int broken = 5; broken >= 3; broken--) {
        snprintf(name, sizeof name, "%s/checkpoint-%012d.safetensors", run, broken);
        if (broken == 4) flip(name);
        else assert_int_equal(truncate(name, 1000), 0);
        dnn_status status = dnn_checkpoint_resume(run, &r.parts, &number);
        if (broken > 3) {
            OK(status);
            assert_int_equal(number, broken - 1);
            assert_non_null(strstr(r.log, "; the checkpoint before it is tried"));
        } else {
            assert_int_equal(status, DNN_ERROR_FORMAT);
            assert_non_null(strstr(dnn_last_error(), "checkpoint-000000000005"));
            assert_int_equal(number, -1);
        }
    }
    training_run_end(&r);
    for (int i = 3; i <= 5; i++) {
        snprintf(name, sizeof name, "%s/checkpoint-%012d.safetensors", run, i);
        unlink(name);
    }
    assert_int_equal(rmdir(run), 0);
}

static void test_save_refusals(void **state) {
    (void)state;
    training_run r;
    start(&r);
    dnn_checkpoint_save_desc d = {DNN_SIZED(dnn_checkpoint_save_desc), .keep = -1};
    assert_int_equal(dnn_checkpoint_save(folder, &r.parts, &d), DNN_ERROR_ARGUMENT);
    d = (dnn_checkpoint_save_desc){DNN_SIZED(dnn_checkpoint_save_desc), .number = INT64_C(1000000000000)};
    assert_int_equal(dnn_checkpoint_save(folder, &r.parts, &d), DNN_ERROR_ARGUMENT);
    dnn_checkpoint_parts alone = {DNN_SIZED(dnn_checkpoint_parts), .module = r.net}, none = {DNN_SIZED(dnn_checkpoint_parts)};
    assert_int_equal(dnn_checkpoint_save(folder, &alone, NULL), DNN_ERROR_ARGUMENT);
    assert_string_equal(dnn_last_error(), "desc.number is needed where there is no optimizer to count steps");
    assert_int_equal(dnn_checkpoint_write(path, &none), DNN_ERROR_ARGUMENT);
    assert_string_equal(dnn_last_error(), "a checkpoint without parts: all of them are NULL");
    assert_int_equal(dnn_checkpoint_save("/proc/dnn", &r.parts, NULL), DNN_ERROR_IO);
    training_run_end(&r);
}

/* ---- the test for users ---- */

static void test_resume_test(void **state) {
    (void)state;
    training_run r;
    dnn_report *report;
    dnn_finding finding = {DNN_SIZED(dnn_finding)};
    unlink(path);
    start(&r);
    steps(&r, 2);
    uint64_t bits = training_run_bits(&r);
    OK(dnn_resume_test(&report, path, &r.parts, training_run_step, &r, 10));
    assert_int_equal(dnn_report_findings(report), 0);
    dnn_report_release(report);
    assert_true(training_run_bits(&r) == bits);
    assert_int_equal(access(path, F_OK), -1);
    OK(dnn_resume_test(&report, path, &r.parts, training_run_hidden, &r, 3));
    OK(dnn_report_find(report, "resumed-run-differs", &finding));
    assert_string_equal(finding.set, "host.history");
    assert_string_equal(finding.how, "element 31 is 3 where the run went on, and 6 where it was resumed");
    dnn_report_release(report);
    assert_true(training_run_bits(&r) == bits);
    training_run_end(&r);
}

/* ---- memory ---- */

/* Every allocation of a save and a load fails in turn; the run stays as it was, or is the loaded one. */
static void test_out_of_memory(void **state) {
    (void)state;
    test_allocator memory = {0};
    dnn_allocator allocator = test_allocator_of(&memory);
    training_run r;
    OK(training_run_start(&r, &allocator, true));
    steps(&r, 1);
    dnn_status status = DNN_ERROR_MEMORY;
    for (int64_t k = 1; status != DNN_OK; k++) {
        test_allocator_arm(&memory, k, false);
        status = dnn_checkpoint_write(path, &r.parts);
        test_allocator_arm(&memory, 0, false);
        if (status != DNN_OK) assert_int_equal(status, DNN_ERROR_MEMORY);
    }
    uint64_t saved = training_run_bits(&r);
    steps(&r, 1);
    uint64_t later = training_run_bits(&r);
    status = DNN_ERROR_MEMORY;
    for (int64_t k = 1; status != DNN_OK; k++) {
        test_allocator_arm(&memory, k, false);
        status = dnn_checkpoint_read(path, &r.parts);
        test_allocator_arm(&memory, 0, false);
        if (status != DNN_OK) assert_int_equal(status, DNN_ERROR_MEMORY);
        assert_true(training_run_bits(&r) == (status == DNN_OK ? saved : later));
    }
    training_run_end(&r);
    assert_int_equal(memory.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c),
        cmocka_unit_test(test_resumed_is_uninterrupted),
        cmocka_unit_test(test_it_is_a_safetensors_file),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_other_versions),
        cmocka_unit_test(test_another_run),
        cmocka_unit_test(test_weights_alone),
        cmocka_unit_test(test_state_that_was_not_there),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_the_newest_whole_one),
        cmocka_unit_test(test_save_refusals),
        cmocka_unit_test(test_resume_test),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
