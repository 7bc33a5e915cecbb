/* Written by make_metrics_golden.py with scikit-learn. */
#ifndef METRICS_GOLDEN_H
#define METRICS_GOLDEN_H

typedef struct {
    const char *name;
    double value;
} metric_golden;

enum { GOLDEN_ROWS = 120 };

static const metric_golden golden_of_two[] = {
    {"accuracy", 0.81666666666666665},
    {"top_k", 0.81666666666666665},
    {"loss", 0.55674952902362562},
    {"precision", 0.81689358155043068},
    {"recall", 0.81689358155043068},
    {"f1", 0.81666666666666665},
    {"f1_weighted", 0.81666666666666665},
    {"balanced_accuracy", 0.81689358155043068},
    {"mean_iou", 0.6901408450704225},
    {"auc", 0.81022506251736592},
    {"calibration_error", 0.15342778574018068}};

static const metric_golden golden_of_seven[] = {
    {"accuracy", 0.69999999999999996},
    {"top_k", 0.83333333333333337},
    {"loss", 1.4713300832261667},
    {"precision", 0.72014652014652014},
    {"recall", 0.88311688311688308},
    {"f1", 0.73341896199039047},
    {"f1_weighted", 0.62526917526917525},
    {"balanced_accuracy", 0.88311688311688308},
    {"mean_iou", 0.60326340326340322},
    {"auc", 0.90931484609890334},
    {"calibration_error", 0.33221799113146167}};

static const metric_golden golden_of_numbers[] = {
    {"mse", 4.6298177083333334},
    {"rmse", 2.1517011196570337},
    {"mae", 1.7739583333333333},
    {"bias", -0.0083333333333333332},
    {"max_error", 4.75},
    {"r2", -0.41253351872082633}};

#endif
