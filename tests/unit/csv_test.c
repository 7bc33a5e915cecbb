/* CSV: what is read, what is guessed, what is refused and where; and what becomes of rows as samples. */
#include "support/files.h"

#include <dnn/io.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *path;

static dnn_status open_text(dnn_table **table, const char *text, dnn_csv_desc desc) {
    desc.size = sizeof desc;
    path = file_put("t.csv", text, strlen(text));
    return dnn_csv_open(table, files_ctx, path, &desc);
}

static dnn_table *table_of(const char *text) {
    dnn_table *table;
    dnn_status status = open_text(&table, text, (dnn_csv_desc){.delimiter = 0});
    if (status != DNN_OK) print_message("%s\n", dnn_last_error());
    assert_int_equal(status, DNN_OK);
    return table;
}

static dnn_column_info column(const dnn_table *table, int64_t i) {
    dnn_column_info info = {DNN_SIZED(dnn_column_info)};
    assert_int_equal(dnn_table_column(table, i, &info), DNN_OK);
    return info;
}

static void expect_text(const dnn_table *table, int64_t row, int64_t column_number, const char *want) {
    char text[256];
    assert_int_equal(dnn_table_text(table, row, column_number, text, sizeof text), DNN_OK);
    assert_string_equal(text, want);
}

static void refuse(const char *text, dnn_status status, const char *part) {
    dnn_table *table;
    dnn_status got = open_text(&table, text, (dnn_csv_desc){.header = DNN_CSV_HEADER_YES});
    expect_refusal(got, status, path, part);
    assert_null(table);
}

/* ---- reading ---- */

static void test_types(void **state) {
    (void)state;
    dnn_table *table = table_of("id,x,word,none\n1,2.5,b,\n-3,1e3,a,NA\n 7 ,-.5,b,?\n");
    assert_int_equal(dnn_table_rows(table), 3);
    assert_int_equal(dnn_table_columns(table), 4);
    static const dnn_column_type types[] = {DNN_COLUMN_INTEGER, DNN_COLUMN_REAL, DNN_COLUMN_TEXT, DNN_COLUMN_MISSING};
    static const char *const names[] = {"id", "x", "word", "none"};
    for (int64_t i = 0; i < 4; i++) {
        assert_int_equal(column(table, i).type, types[i]);
        assert_string_equal(column(table, i).name, names[i]);
        assert_int_equal(column(table, i).missing, i == 3 ? 3 : 0);
    }
    assert_true(column(table, 0).low == -3 && column(table, 0).high == 7);
    assert_true(fabs(column(table, 1).mean - 1002.0 / 3) < 1e-9);
    assert_int_equal(column(table, 2).classes, 2);
    assert_string_equal(dnn_table_class_name(table, 2, 0), "a");
    assert_string_equal(dnn_table_class_name(table, 2, 1), "b");
    assert_null(dnn_table_class_name(table, 2, 2));
    assert_null(dnn_table_class_name(table, 0, 0));
    int64_t found;
    assert_int_equal(dnn_table_find(table, "word", &found), DNN_OK);
    assert_int_equal(found, 2);
    expect_refusal(dnn_table_find(table, "Word", &found), DNN_ERROR_NOT_FOUND, path, "'Word'");
    assert_int_equal(dnn_table_release(table), DNN_OK);
}

static void test_quotes(void **state) {
    (void)state;
    dnn_table *table = table_of("\xef\xbb\xbf\"a \"\"b\"\"\",\"c,d\"\r\n\"x\r\ny\",1\r\n\r\n\"\",2\r\nz,3");
    assert_int_equal(dnn_table_rows(table), 3);
    assert_string_equal(column(table, 0).name, "a \"b\"");
    assert_string_equal(column(table, 1).name, "c,d");
    expect_text(table, 0, 0, "x\r\ny");
    expect_text(table, 1, 1, "2");
    expect_text(table, 2, 0, "z");
    assert_int_equal(column(table, 0).missing, 1);
    dnn_table_release(table);
}

static void test_delimiters(void **state) {
    (void)state;
    static const char *const texts[] = {"a;b;c\n1,5;2;3\n", "a\tb\tc\n1\t2\t3\n", "a|b|c\n1|2|3\n",
                                        "\"a;b;c;d\",b,c\n1,2,3\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        dnn_table *table = table_of(texts[i]);
        assert_int_equal(dnn_table_columns(table), 3);
        dnn_table_release(table);
    }
    dnn_table *table;
    assert_int_equal(open_text(&table, "a b\n1 2\n", (dnn_csv_desc){.delimiter = ' '}), DNN_OK);
    assert_int_equal(dnn_table_columns(table), 2);
    dnn_table_release(table);
}

static void test_headers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        dnn_csv_header header;
        int64_t rows;
        const char *name;
    } cases[] = {
        {"a,b\n1,x\n", DNN_CSV_HEADER_DETECT, 1, "a"},  {"1,x\n2,y\n", DNN_CSV_HEADER_DETECT, 2, "column 0"},
        {"a,b\n1,x\n", DNN_CSV_HEADER_NO, 2, "column 0"}, {"1,2\n3,4\n", DNN_CSV_HEADER_YES, 1, "1"},
        {"a,\n1,2\n", DNN_CSV_HEADER_DETECT, 2, "column 0"}, {"x,y\nu,v\n", DNN_CSV_HEADER_NO, 2, "column 0"},
    };
    dnn_table *table;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(open_text(&table, cases[i].text, (dnn_csv_desc){.header = cases[i].header}), DNN_OK);
        assert_int_equal(dnn_table_rows(table), cases[i].rows);
        assert_string_equal(column(table, 0).name, cases[i].name);
        dnn_table_release(table);
    }
    dnn_status status = open_text(&table, "x,y\nu,v\n", (dnn_csv_desc){.header = DNN_CSV_HEADER_DETECT});
    expect_refusal(status, DNN_ERROR_ARGUMENT, path, "desc.header");
}

/* Numbers as the C library reads them in its own locale, and bit for bit; and in a locale with a decimal comma. */
static void test_numbers(void **state) {
    (void)state;
    static const char *const numbers[] = {
        "0", "-0", "+1", "1.", ".5", "-.5e-3", "1e5", "1E+5", "123456789012345678", "9223372036854775807",
        "9223372036854775808", "-9223372036854775808", "0.1", "3.14159265358979323846", "1e22", "1e23", "1e-22",
        "1e-23", "4.9e-324", "2.2250738585072011e-308", "1.7976931348623157e308", "1e400", "1e-400", "inf", "-Infinity",
        "9007199254740993", "0.000000000000000000000000000001", "123456789012345678901234567890",
    };
    for (int locale = 0; locale < 2; locale++) {
        const char *set = setlocale(LC_NUMERIC, locale ? "de_DE.UTF-8" : "C");
        if (!set) print_message("the locale de_DE is not installed\n");
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            char text[128];
            snprintf(text, sizeof text, "x\n%s\n", numbers[i]);
            dnn_table *table;
            assert_int_equal(open_text(&table, text, (dnn_csv_desc){.header = DNN_CSV_HEADER_YES}), DNN_OK);
            double got = column(table, 0).low;
            dnn_table_release(table);
            setlocale(LC_NUMERIC, "C");
            double want = strtod(numbers[i], NULL);
            if (set && locale) setlocale(LC_NUMERIC, "de_DE.UTF-8");
            if (memcmp(&got, &want, sizeof got) != 0) print_message("%s: %.17g, not %.17g\n", numbers[i], got, want);
            assert_true(got == want);
        }
    }
    setlocale(LC_NUMERIC, "C");
    static const char *const words[] = {"1,5", "1e", "e5", ".", "-", "+-1", "1 2", "0x10", "1_0", "infi", "--1",
                                        "1.2.3"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "x;y\n%s;1\n", words[i]);
        dnn_table *table = table_of(text);
        assert_int_equal(column(table, 0).type, DNN_COLUMN_TEXT);
        dnn_table_release(table);
    }
}

static void test_long_numbers(void **state) {
    (void)state;
    char text[256] = "x\n";
    memset(text + 2, '1', 100);
    memcpy(text + 102, ".5\n", 4);
    dnn_table *table;
    assert_int_equal(open_text(&table, text, (dnn_csv_desc){.header = DNN_CSV_HEADER_YES}), DNN_OK);
    assert_true(fabs(column(table, 0).low / 1.1111111111111111e99 - 1) < 1e-14);
    dnn_table_release(table);
}

static void test_missing_texts(void **state) {
    (void)state;
    dnn_table *table;
    dnn_csv_desc desc = {.missing = (const char *const[]){"-9", "none", ""}, .n_missing = 3};
    assert_int_equal(open_text(&table, "a,b\n-9,NA\n3,none\n 4 , none \n", desc), DNN_OK);
    assert_int_equal(column(table, 0).missing, 1);
    assert_true(column(table, 0).low == 3);
    assert_int_equal(column(table, 1).missing, 2);
    assert_int_equal(column(table, 1).type, DNN_COLUMN_TEXT);
    dnn_table_release(table);
}

/* ---- refusals ---- */

static void test_bad(void **state) {
    (void)state;
    refuse("", DNN_ERROR_FORMAT, "no rows");
    refuse("\n\n\r\n", DNN_ERROR_FORMAT, "no rows");
    refuse("a,b\n", DNN_ERROR_FORMAT, "no rows below its header");
    refuse("a,b\n1,2\n1,2,3\n", DNN_ERROR_FORMAT, "line 3: the row has 3 fields, the first has 2");
    refuse("a,b\n\n1\n", DNN_ERROR_FORMAT, "line 3: the row has 1 fields");
    refuse("a,b\n1,\"2\n3,4\n", DNN_ERROR_FORMAT, "line 2, column 1: the quote is not closed");
    refuse("a,b\n1,\"2\"x\n", DNN_ERROR_FORMAT, "line 2, column 1: text behind the closing quote");
    refuse("a,b\n1,2\"x\"\n", DNN_ERROR_FORMAT, "line 2, column 1: a quote inside");
    refuse("a,b\n1\r2,3\n", DNN_ERROR_FORMAT, "line 2, column 0: a carriage return");
    dnn_table *table;
    path = file_put("t.csv", "a,b\n1,\0\n", 8);
    expect_refusal(dnn_csv_open(&table, files_ctx, path, NULL), DNN_ERROR_FORMAT, path, "line 2, column 1: a NUL");
    size_t n = (1 << 20) + 64;
    char *long_field = malloc(n + 1);
    memset(long_field, 'x', n);
    memcpy(long_field, "a\n", 2);
    long_field[n] = '\0';
    refuse(long_field, DNN_ERROR_UNSUPPORTED, "more than 1 MiB");
    memset(long_field, ',', n);
    refuse(long_field, DNN_ERROR_UNSUPPORTED, "16384");
    free(long_field);
}

static void test_misuse(void **state) {
    (void)state;
    dnn_table *table = table_of("a,a\n1,2\n");
    dnn_column_info info = {DNN_SIZED(dnn_column_info)};
    int64_t found;
    char text[8];
    expect_refusal(dnn_table_find(table, "a", &found), DNN_ERROR_ARGUMENT, path, "2 columns");
    assert_int_equal(dnn_table_find(table, NULL, &found), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_table_find(table, "a", NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_table_column(table, 2, &info), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_table_column(table, -1, &info), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_table_column(table, 0, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_table_text(table, 1, 0, text, sizeof text), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_table_text(table, 0, 2, text, sizeof text), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_table_text(table, 0, 0, text, 0), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_table_text(table, 0, 0, NULL, 8), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_table_release(table), DNN_OK);
    assert_int_equal(dnn_table_release(table), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_table_rows(table), -1);
    assert_int_equal(dnn_table_columns(NULL), -1);
    assert_int_equal(dnn_table_find(NULL, "a", &found), DNN_ERROR_ARGUMENT);
    static const dnn_csv_desc bad[] = {{.delimiter = '"'}, {.delimiter = 200}, {.delimiter = -1}, {.delimiter = '\n'},
                                       {.header = 3}, {.n_missing = 1}, {.n_missing = -1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(open_text(&table, "a\n1\n", bad[i]), DNN_ERROR_ARGUMENT);
    const dnn_csv_desc null = {.missing = (const char *const[]){NULL}, .n_missing = 1};
    assert_int_equal(open_text(&table, "a\n1\n", null), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_csv_open(&table, files_ctx, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_csv_open(&table, NULL, path, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_csv_open(NULL, files_ctx, path, NULL), DNN_ERROR_ARGUMENT);
}

/* ---- datasets ---- */

static dnn_status dataset_of(dnn_dataset **dataset, const char *text, dnn_table_dataset_desc desc) {
    dnn_table *table = table_of(text);
    desc.size = sizeof desc;
    dnn_status status = dnn_table_dataset(dataset, table, &desc);
    assert_int_equal(dnn_table_release(table), DNN_OK);
    return status;
}

static const char mixed[] = "x,y,colour,label\n1,2,red,b\n3,,green,a\n5,6,red,a\n,8,blue,b\n";

static void test_targets(void **state) {
    (void)state;
    dnn_dataset *dataset;
    dnn_item_info item = {DNN_SIZED(dnn_item_info)};
    double x[2], t;
    static const int64_t inputs[] = {1, 0};
    char name[128];
    dnn_table_dataset_desc desc = {.has_target_column = 1, .target_column = -1, .inputs = inputs, .n_inputs = 2,
                                   .missing = DNN_MISSING_DROP};
    assert_int_equal(dataset_of(&dataset, mixed, desc), DNN_OK);
    assert_int_equal(dnn_dataset_count(dataset), 2);
    assert_int_equal(dnn_dataset_classes(dataset), 2);
    assert_string_equal(dnn_dataset_class_name(dataset, 1), "b");
    sample_input(dataset, 1, x, 2);
    assert_true(x[0] == 6 && x[1] == 5);
    sample_target(dataset, 0, &t, 1);
    assert_true(t == 1);
    assert_int_equal(dnn_dataset_sample_name(dataset, 1, name, sizeof name), DNN_OK);
    assert_non_null(strstr(name, "t.csv, line 4"));
    dnn_dataset_release(dataset);
    desc = (dnn_table_dataset_desc){.target = "y", .inputs = inputs + 1, .n_inputs = 1, .missing = DNN_MISSING_DROP,
                                    .target_dtype = DNN_F32};
    assert_int_equal(dataset_of(&dataset, mixed, desc), DNN_OK);
    assert_int_equal(dnn_dataset_item(dataset, &item), DNN_OK);
    assert_int_equal(item.target.dtype, DNN_F32);
    sample_target(dataset, 1, &t, 1);
    assert_true(t == 6);
    dnn_dataset_release(dataset);
}

static void test_policies(void **state) {
    (void)state;
    dnn_dataset *dataset;
    double x[6];
    static const int64_t inputs[] = {0, 1}, colour[] = {2, 0};
    dnn_table_dataset_desc desc = {.inputs = inputs, .n_inputs = 2};
    expect_refusal(dataset_of(&dataset, mixed, desc), DNN_ERROR_VALUE, NULL,
                   "line 3, column 1 ('y'): the value is missing");
    desc.missing = DNN_MISSING_MEAN;
    assert_int_equal(dataset_of(&dataset, mixed, desc), DNN_OK);
    sample_input(dataset, 1, x, 2);
    assert_true(fabs(x[1] - 16.0 / 3) < 1e-6);
    dnn_dataset_release(dataset);
    desc.missing = DNN_MISSING_VALUE;
    desc.value = -1;
    assert_int_equal(dataset_of(&dataset, mixed, desc), DNN_OK);
    sample_input(dataset, 3, x, 2);
    assert_true(x[0] == -1 && x[1] == 8);
    dnn_dataset_release(dataset);
    desc.inputs = colour;
    expect_refusal(dataset_of(&dataset, mixed, desc), DNN_ERROR_DTYPE, NULL, "column 2 ('colour') is text");
    desc.text = DNN_TEXT_INPUT_NUMBER;
    assert_int_equal(dataset_of(&dataset, mixed, desc), DNN_OK);
    sample_input(dataset, 2, x, 2);
    assert_true(x[0] == 2 && x[1] == 5); /* blue green red */
    dnn_dataset_release(dataset);
    desc.text = DNN_TEXT_INPUT_ONE_HOT;
    assert_int_equal(dataset_of(&dataset, mixed, desc), DNN_OK);
    sample_input(dataset, 1, x, 4);
    assert_true(x[0] == 0 && x[1] == 1 && x[2] == 0 && x[3] == 3);
    dnn_dataset_release(dataset);
}

static void test_bad_datasets(void **state) {
    (void)state;
    dnn_dataset *dataset;
    static const int64_t bad[] = {4};
    const struct {
        const char *text;
        dnn_table_dataset_desc desc;
        dnn_status status;
        const char *part;
    } cases[] = {
        {mixed, {.target = "nothing"}, DNN_ERROR_NOT_FOUND, "'nothing'"},
        {mixed, {.has_target_column = 1, .target_column = 4}, DNN_ERROR_NOT_FOUND, "column 4"},
        {mixed, {.has_target_column = 1, .target_column = -5}, DNN_ERROR_NOT_FOUND, "column -5"},
        {mixed, {.inputs = bad, .n_inputs = 1}, DNN_ERROR_NOT_FOUND, "column 4"},
        {mixed, {.inputs = bad, .n_inputs = -1}, DNN_ERROR_ARGUMENT, "n_inputs"},
        {mixed, {.inputs = bad, .n_inputs = 0}, DNN_ERROR_ARGUMENT, "no column is left"},
        {mixed, {.target = "label", .target_dtype = DNN_F32}, DNN_ERROR_DTYPE, "cannot be float32"},
        {mixed, {.target = "label", .target_dtype = DNN_F64}, DNN_ERROR_ARGUMENT, "float64"},
        {mixed, {.target = "label", .has_target_column = 1}, DNN_ERROR_ARGUMENT, "both"},
        {mixed, {.missing = 7}, DNN_ERROR_ARGUMENT, "missing"},
        {mixed, {.text = 7}, DNN_ERROR_ARGUMENT, "text"},
        {"x,y\n1,0.5\n", {.target = "y", .target_dtype = DNN_I64}, DNN_ERROR_DTYPE, "cannot be int64"},
        {"x,y\n1,\n", {.target = "y"}, DNN_ERROR_DTYPE, "no values"},
        {"x,y\n1,\n2,3\n", {.target = "y"}, DNN_ERROR_VALUE, "line 2, column 1 ('y'): the target is missing"},
        {"x,y\n1e39,1\n", {.target = "y"}, DNN_ERROR_VALUE, "no float32"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dnn_status status = dataset_of(&dataset, cases[i].text, cases[i].desc);
        expect_refusal(status, cases[i].status, NULL, cases[i].part);
        assert_null(dataset);
    }
}

/* Many rows of few bytes: marks are sparse; rows are found again, with and without dropping. */
static void test_many_rows(void **state) {
    (void)state;
    enum { N = 5000 };
    char *text = malloc(N * 8 + 16);
    size_t n = (size_t)sprintf(text, "x;y\n");
    for (int i = 0; i < N; i++) {
        if (i % 7 != 3) n += (size_t)sprintf(text + n, "%d", i % 100);
        n += (size_t)sprintf(text + n, ";%d\n", i % 9);
    }
    dnn_dataset *all, *some;
    double x, t;
    const dnn_table_dataset_desc fill = {.target = "y", .missing = DNN_MISSING_VALUE};
    const dnn_table_dataset_desc drop = {.target = "y", .missing = DNN_MISSING_DROP};
    assert_int_equal(dataset_of(&all, text, fill), DNN_OK);
    assert_int_equal(dataset_of(&some, text, drop), DNN_OK);
    assert_int_equal(dnn_dataset_count(all), N);
    for (int i = 0, kept = 0; i < N; i++) {
        if (i % 31 == 0) {
            sample_input(all, i, &x, 1);
            assert_true(x == (i % 7 == 3 ? 0 : i % 100));
        }
        if (i % 7 == 3) continue;
        if (i % 31 == 0) {
            sample_input(some, kept, &x, 1);
            sample_target(some, kept, &t, 1);
            assert_true(x == i % 100 && t == i % 9);
        }
        kept++;
    }
    dnn_dataset_release(all);
    dnn_dataset_release(some);
    free(text);
}

/* More different texts than are classes. */
static void test_many_texts(void **state) {
    (void)state;
    for (int n = 4096; n <= 4500; n += 404) {
        char *text = malloc((size_t)n * 16 + 16);
        size_t at = (size_t)sprintf(text, "x,word\n");
        for (int i = 0; i < n; i++) at += (size_t)sprintf(text + at, "1,w%d\n", (i * 2749) % n);
        dnn_table *table = table_of(text);
        assert_int_equal(column(table, 1).classes, n == 4096 ? 4096 : -1);
        dnn_table_release(table);
        free(text);
    }
}

static dnn_status use(void) {
    dnn_table *table = NULL;
    dnn_dataset *dataset = NULL;
    dnn_tensor *x = NULL;
    dnn_table_dataset_desc desc = {DNN_SIZED(dnn_table_dataset_desc), .target = "label", .missing = DNN_MISSING_DROP,
                                   .text = DNN_TEXT_INPUT_ONE_HOT};
    dnn_status status = dnn_csv_open(&table, files_ctx, file_path("m.csv"), NULL);
    if (status == DNN_OK) status = dnn_table_dataset(&dataset, table, &desc);
    if (status == DNN_OK) status = dnn_dataset_get_range(&x, NULL, dataset, 0, 2);
    dnn_tensor_release(x);
    dnn_dataset_release(dataset);
    dnn_table_release(table);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    file_put("m.csv", mixed, sizeof mixed - 1);
    expect_out_of_memory_to_be_told(use);
}

static void test_iris(void **state) {
    (void)state;
    const char *folder = getenv("DNN_DATA_DIR");
    char iris[512];
    snprintf(iris, sizeof iris, "%s/tabular/iris.csv", folder ? folder : "");
    FILE *there = folder ? fopen(iris, "rb") : NULL;
    if (!there) {
        print_message("skipped: DNN_DATA_DIR has no tabular/iris.csv\n");
        skip();
    }
    fclose(there);
    dnn_table *table;
    dnn_dataset *dataset;
    double x[4], label;
    dnn_table_dataset_desc desc = {DNN_SIZED(dnn_table_dataset_desc), .has_target_column = 1, .target_column = -1};
    assert_int_equal(dnn_csv_open(&table, files_ctx, iris, NULL), DNN_OK);
    assert_int_equal(dnn_table_rows(table), 150);
    assert_int_equal(dnn_table_columns(table), 5);
    for (int64_t i = 0; i < 4; i++) assert_int_equal(column(table, i).type, DNN_COLUMN_REAL);
    assert_true(fabs(column(table, 0).mean - 876.5 / 150) < 1e-9);
    assert_int_equal(dnn_table_dataset(&dataset, table, &desc), DNN_OK);
    assert_int_equal(dnn_dataset_classes(dataset), 3);
    assert_string_equal(dnn_dataset_class_name(dataset, 1), "Iris-versicolor");
    sample_input(dataset, 149, x, 4);
    sample_target(dataset, 149, &label, 1);
    assert_true(x[0] == (double)5.9f && x[3] == (double)1.8f && label == 2);
    dnn_dataset_release(dataset);
    dnn_table_release(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),    cmocka_unit_test(test_quotes),       cmocka_unit_test(test_delimiters),
        cmocka_unit_test(test_headers),  cmocka_unit_test(test_numbers),      cmocka_unit_test(test_long_numbers),
        cmocka_unit_test(test_missing_texts), cmocka_unit_test(test_bad),     cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_targets),  cmocka_unit_test(test_policies),     cmocka_unit_test(test_bad_datasets),
        cmocka_unit_test(test_many_rows), cmocka_unit_test(test_many_texts),  cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_iris),
    };
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
