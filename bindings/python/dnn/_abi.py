# Written by generate.py from include/dnn/*.h; `./run bindings` writes it anew.
"""The interface of the C library: constants, enums, structs, and every function with its types."""
from ctypes import (CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_int, c_int32, c_int64,
                    c_size_t, c_uint32, c_uint64, c_void_p)
from enum import IntEnum

VERSION = "0.1.0"

DNN_VERSION_MAJOR = 0
DNN_VERSION_MINOR = 1
DNN_VERSION_PATCH = 0
DNN_VERSION_NUMBER = 100
DNN_ZERO = -0.0
DNN_MAX_RANK = 8
DNN_NO_PREFETCH = -1
DNN_NO_VALUE = -1
DNN_MEMORY_LEAST = -1
DNN_NO_FRAME = 4294967295
DNN_LAYER_MAX_OUTPUTS = 4
DNN_LAYER_MAX_KEPT = 4
DNN_READS_INPUTS = 268435455


class dnn_dtype(IntEnum):
    DNN_DTYPE_NONE = 0
    DNN_F32 = 10
    DNN_F64 = 11
    DNN_BF16 = 20
    DNN_F16 = 21
    DNN_U8 = 30
    DNN_I32 = 31
    DNN_I64 = 32
    DNN_BOOL = 40


class dnn_status(IntEnum):
    DNN_OK = 0
    DNN_END = 1
    DNN_ERROR_ARGUMENT = 10
    DNN_ERROR_HANDLE = 11
    DNN_ERROR_SHAPE = 20
    DNN_ERROR_DTYPE = 21
    DNN_ERROR_VALUE = 22
    DNN_ERROR_STATE = 30
    DNN_ERROR_NOT_FOUND = 31
    DNN_ERROR_UNSUPPORTED = 32
    DNN_ERROR_MEMORY = 40
    DNN_ERROR_THREAD = 41
    DNN_ERROR_IO = 50
    DNN_ERROR_FORMAT = 51
    DNN_ERROR_CALLBACK = 60
    DNN_ERROR_INTERNAL = 90


class dnn_log_level(IntEnum):
    DNN_LOG_DEBUG = 10
    DNN_LOG_INFO = 20
    DNN_LOG_WARNING = 30


class dnn_isa(IntEnum):
    DNN_ISA_AUTO = 0
    DNN_ISA_PORTABLE = 10
    DNN_ISA_AVX2 = 20
    DNN_ISA_AVX512 = 30
    DNN_ISA_NEON = 40


class dnn_cast(IntEnum):
    DNN_CAST_EXACT = 0
    DNN_CAST_LOSSY = 10


class dnn_init_kind(IntEnum):
    DNN_INIT_DEFAULT = 0
    DNN_INIT_CONSTANT = 10
    DNN_INIT_UNIFORM = 20
    DNN_INIT_NORMAL = 21
    DNN_INIT_KAIMING_UNIFORM = 30
    DNN_INIT_KAIMING_NORMAL = 31
    DNN_INIT_XAVIER_UNIFORM = 40
    DNN_INIT_XAVIER_NORMAL = 41


class dnn_fan(IntEnum):
    DNN_FAN_IN = 0
    DNN_FAN_OUT = 10


class dnn_last_batch(IntEnum):
    DNN_LAST_BATCH_KEEP = 0
    DNN_LAST_BATCH_DROP = 10


class dnn_gradients(IntEnum):
    DNN_GRADIENTS_DEFAULT = 0
    DNN_GRADIENTS_INPUTS = 1
    DNN_GRADIENTS_EVAL = 2


class dnn_severity(IntEnum):
    DNN_SEVERITY_NONE = 0
    DNN_SEVERITY_NOTE = 10
    DNN_SEVERITY_WARNING = 20
    DNN_SEVERITY_ERROR = 30


class dnn_audit_skip(IntEnum):
    DNN_AUDIT_NO_NEIGHBOURS = 1
    DNN_AUDIT_NO_VARIANTS = 2
    DNN_AUDIT_NO_SHEETS = 4


class dnn_average_kind(IntEnum):
    DNN_AVERAGE_EXPONENTIAL = 0
    DNN_AVERAGE_EQUAL = 10


class dnn_reduction(IntEnum):
    DNN_REDUCTION_MEAN = 0
    DNN_REDUCTION_SUM = 10
    DNN_REDUCTION_NONE = 20


class dnn_check_verdict(IntEnum):
    DNN_CHECK_PASS = 10
    DNN_CHECK_KINK = 20
    DNN_CHECK_INCONCLUSIVE = 30
    DNN_CHECK_FAIL = 40


class dnn_check_mode(IntEnum):
    DNN_CHECK_AUTO = 0
    DNN_CHECK_SLOW = 10
    DNN_CHECK_FAST = 20
    DNN_CHECK_SAMPLED = 30


class dnn_check_phase(IntEnum):
    DNN_CHECK_TRAIN = 1
    DNN_CHECK_EVAL = 2
    DNN_CHECK_AS_IS = 4


class dnn_check_skip(IntEnum):
    DNN_CHECK_NO_INPUTS = 1
    DNN_CHECK_NO_PARAMETERS = 2
    DNN_CHECK_NO_STRUCTURE = 4
    DNN_CHECK_NO_FLOAT32 = 8


class dnn_schedule_kind(IntEnum):
    DNN_SCHEDULE_CONSTANT = 0
    DNN_SCHEDULE_STEP = 10
    DNN_SCHEDULE_MULTISTEP = 20
    DNN_SCHEDULE_EXPONENTIAL = 30
    DNN_SCHEDULE_POLYNOMIAL = 40
    DNN_SCHEDULE_COSINE = 50
    DNN_SCHEDULE_ONE_CYCLE = 60
    DNN_SCHEDULE_WSD = 70
    DNN_SCHEDULE_PLATEAU = 80


class dnn_layout(IntEnum):
    DNN_LAYOUT_NATIVE = 0
    DNN_LAYOUT_TORCH = 10


class dnn_weights_flags(IntEnum):
    DNN_WEIGHTS_ALLOW_MISSING = 1
    DNN_WEIGHTS_ALLOW_EXTRA = 2
    DNN_WEIGHTS_ALLOW_CAST = 4


class dnn_palette(IntEnum):
    DNN_PALETTE_DEFAULT = 0
    DNN_PALETTE_GREY = 10
    DNN_PALETTE_DIVERGING = 20


class dnn_epilogue(IntEnum):
    DNN_EPILOGUE_AFFINE = 1
    DNN_EPILOGUE_ADD = 2
    DNN_EPILOGUE_RELU = 4
    DNN_EPILOGUE_BACKWARD = 8


class dnn_layer_flags(IntEnum):
    DNN_LAYER_VIEW = 1
    DNN_LAYER_INPLACE = 2
    DNN_LAYER_RANDOM = 4


class dnn_layer_sees(IntEnum):
    DNN_SEES_ALL = 0
    DNN_SEES_PLACE = 10
    DNN_SEES_WINDOW = 20


class dnn_gelu_form(IntEnum):
    DNN_GELU_EXACT = 0
    DNN_GELU_TANH = 10


class dnn_part(IntEnum):
    DNN_PART_INPUT = 10
    DNN_PART_TARGET = 20


class dnn_sheet_order(IntEnum):
    DNN_SHEET_RANDOM = 0
    DNN_SHEET_BY_CLASS = 10
    DNN_SHEET_BY_SCORE = 20
    DNN_SHEET_AS_GIVEN = 30


class dnn_statistics_per(IntEnum):
    DNN_PER_CHANNEL = 0
    DNN_PER_ELEMENT = 10
    DNN_PER_DATASET = 20


class dnn_preflight_skip(IntEnum):
    DNN_PREFLIGHT_NO_STRUCTURE = 1
    DNN_PREFLIGHT_NO_DATA = 2
    DNN_PREFLIGHT_NO_FIRST_LOSS = 4
    DNN_PREFLIGHT_NO_GRADIENTS = 8
    DNN_PREFLIGHT_NO_OVERFIT = 16
    DNN_PREFLIGHT_NO_BASELINES = 32
    DNN_PREFLIGHT_NO_MEMORY = 64
    DNN_PREFLIGHT_NO_REHEARSAL = 128


class dnn_run_mode(IntEnum):
    DNN_RUN_NEW = 0
    DNN_RUN_CONTINUE = 10


class dnn_search_method(IntEnum):
    DNN_SEARCH_RANDOM = 0
    DNN_SEARCH_GRID = 10


class dnn_trial_state(IntEnum):
    DNN_TRIAL_NONE = 0
    DNN_TRIAL_RUNNING = 10
    DNN_TRIAL_WAITING = 20
    DNN_TRIAL_STOPPED = 30
    DNN_TRIAL_DONE = 40


class dnn_target(IntEnum):
    DNN_TARGET_PLAIN = 0
    DNN_TARGET_MASK = 10
    DNN_TARGET_BOXES = 20


class dnn_preset(IntEnum):
    DNN_PRESET_TORCHVISION = 10
    DNN_PRESET_CAFFE = 20


class dnn_border(IntEnum):
    DNN_BORDER_FILL = 0
    DNN_BORDER_EDGE = 10
    DNN_BORDER_REFLECT = 20


class dnn_filter(IntEnum):
    DNN_FILTER_BILINEAR = 0
    DNN_FILTER_NEAREST = 10
    DNN_FILTER_AREA = 20


class dnn_window_target(IntEnum):
    DNN_WINDOW_TARGET_WHOLE = 0
    DNN_WINDOW_TARGET_DENSE = 10
    DNN_WINDOW_TARGET_CENTRE = 20


class dnn_cifar_kind(IntEnum):
    DNN_CIFAR_10 = 0
    DNN_CIFAR_100_FINE = 10
    DNN_CIFAR_100_COARSE = 11


class dnn_text_unit(IntEnum):
    DNN_TEXT_BYTES = 0
    DNN_TEXT_CHARACTERS = 10


class dnn_image_fit(IntEnum):
    DNN_IMAGE_FIT_EXACT = 0
    DNN_IMAGE_FIT_STRETCH = 10
    DNN_IMAGE_FIT_COVER = 20
    DNN_IMAGE_FIT_CONTAIN = 30


class dnn_bad_image(IntEnum):
    DNN_BAD_IMAGE_REFUSE = 0
    DNN_BAD_IMAGE_SKIP = 10


class dnn_csv_header(IntEnum):
    DNN_CSV_HEADER_DETECT = 0
    DNN_CSV_HEADER_YES = 10
    DNN_CSV_HEADER_NO = 20


class dnn_column_type(IntEnum):
    DNN_COLUMN_MISSING = 10
    DNN_COLUMN_INTEGER = 20
    DNN_COLUMN_REAL = 30
    DNN_COLUMN_TEXT = 40


class dnn_missing(IntEnum):
    DNN_MISSING_REFUSE = 0
    DNN_MISSING_DROP = 10
    DNN_MISSING_MEAN = 20
    DNN_MISSING_VALUE = 30


class dnn_text_input(IntEnum):
    DNN_TEXT_INPUT_REFUSE = 0
    DNN_TEXT_INPUT_NUMBER = 10
    DNN_TEXT_INPUT_ONE_HOT = 20


STATUS_MEANINGS = {
    0: "no error",
    1: "there is no more: the end of an epoch or of a list, not an error",
    10: "an argument is NULL, out of range, or contradicts another",
    11: "a handle is of the wrong kind, released already, or of another context",
    20: "shapes do not fit together",
    21: "an element type is not the one that is needed",
    22: "a value cannot be used or represented: a label out of range, a lossy cast",
    30: "a call in the wrong phase: backward before forward, say",
    31: "nothing has that name, path or index",
    32: "this is not supported, here or by this build",
    40: "out of memory",
    41: "a thread could not be started",
    50: "a file could not be opened, read, written or renamed",
    51: "a file is not what it claims to be: truncated, corrupt or of another format",
    60: "a function of the host's reported a failure",
    90: "a fault in the library itself: please report it",
}


class dnn_array(Structure):
    _fields_ = [
        ("data", c_void_p),
        ("dtype", c_int),
        ("rank", c_int32),
        ("dims", c_int64 * 8),
    ]


class dnn_allocator(Structure):
    _fields_ = [
        ("allocate", CFUNCTYPE(c_void_p, c_void_p, c_size_t, c_size_t)),
        ("release", CFUNCTYPE(None, c_void_p, c_void_p, c_size_t)),
        ("user", c_void_p),
    ]


class dnn_log_sink(Structure):
    _fields_ = [
        ("write", CFUNCTYPE(None, c_void_p, c_int, c_char_p)),
        ("user", c_void_p),
    ]


class dnn_executor(Structure):
    _fields_ = [
        ("run", CFUNCTYPE(None, c_void_p, CFUNCTYPE(None, c_void_p, c_int64), c_void_p, c_int64)),
        ("user", c_void_p),
    ]


class dnn_context_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("allocator", dnn_allocator),
        ("log", dnn_log_sink),
        ("executor", dnn_executor),
        ("threads", c_int32),
        ("isa", c_int),
        ("seed", c_uint64),
        ("no_winograd", c_int32),
    ]


class dnn_init(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("kind", c_int),
        ("fan", c_int),
        ("a", c_double),
        ("b", c_double),
        ("gain", c_double),
    ]


class dnn_progress(Structure):
    _fields_ = [
        ("step", CFUNCTYPE(c_int, c_void_p, c_char_p, c_int64, c_int64)),
        ("user", c_void_p),
    ]


class dnn_callback_dataset_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("count", c_int64),
        ("input", dnn_array),
        ("target", dnn_array),
        ("get", CFUNCTYPE(c_int, c_void_p, c_int64, c_int64, POINTER(dnn_array), POINTER(dnn_array))),
        ("thread_safe", c_int32),
        ("release", CFUNCTYPE(None, c_void_p)),
        ("user", c_void_p),
        ("class_names", POINTER(c_char_p)),
        ("classes", c_int64),
        ("low", c_double),
        ("high", c_double),
        ("name", CFUNCTYPE(c_int, c_void_p, c_int64, POINTER(c_char), c_size_t)),
        ("get_target", CFUNCTYPE(c_int, c_void_p, c_int64, POINTER(dnn_array))),
    ]


class dnn_digits_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("count", c_int64),
        ("first", c_int64),
        ("seed", c_uint64),
        ("image_size", c_int64),
    ]


class dnn_item_info(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("input", dnn_array),
        ("target", dnn_array),
    ]


class dnn_loader_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("batch_size", c_int64),
        ("shuffle", c_int32),
        ("last_batch", c_int),
        ("seed", c_uint64),
        ("prefetch", c_int32),
        ("workers", c_int32),
    ]


class dnn_loader_place(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("epoch", c_int64),
        ("batch", c_int64),
    ]


class dnn_parameter(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("path", c_char_p),
        ("value", c_void_p),
        ("gradient", c_void_p),
        ("is_buffer", c_int32),
        ("is_frozen", c_int32),
        ("owner", c_void_p),
    ]


class dnn_module_info(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("path", c_char_p),
        ("type", c_char_p),
        ("module", c_void_p),
        ("is_training", c_int32),
    ]


class dnn_step_info(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("path", c_char_p),
        ("type", c_char_p),
        ("detail", c_char_p),
        ("output", dnn_array),
        ("parameters", c_int64),
        ("flops", c_double),
        ("output_bytes", c_int64),
        ("kept_bytes", c_int64),
        ("is_fused", c_int32),
        ("is_recomputed", c_int32),
    ]


class dnn_description_totals(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("steps", c_int64),
        ("parameters", c_int64),
        ("trainable", c_int64),
        ("flops", c_double),
        ("parameter_bytes", c_int64),
        ("arena_bytes", c_int64),
        ("activation_bytes", c_int64),
        ("arena_bytes_without", c_int64),
        ("recomputed_steps", c_int64),
        ("recomputed_flops", c_double),
    ]


class dnn_receptive_field(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("all", c_int32),
        ("field", c_int64 * 2),
        ("stride", c_int64 * 2),
        ("start", c_double * 2),
    ]


class dnn_observation(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("path", c_char_p),
        ("type", c_char_p),
        ("step", c_int64),
        ("inputs", POINTER(dnn_array)),
        ("outputs", POINTER(dnn_array)),
        ("parameters", POINTER(dnn_array)),
        ("n_inputs", c_int32),
        ("n_outputs", c_int32),
        ("n_parameters", c_int32),
        ("training", c_int32),
    ]


class dnn_finding(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("severity", c_int),
        ("name", c_char_p),
        ("what", c_char_p),
        ("how", c_char_p),
        ("action", c_char_p),
        ("set", c_char_p),
        ("samples", POINTER(c_int64)),
        ("n_samples", c_int64),
        ("picture", c_int32),
    ]


class dnn_figure(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("value", c_double),
        ("note", c_char_p),
    ]


class dnn_section(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("title", c_char_p),
        ("text", c_char_p),
        ("json", c_char_p),
    ]


class dnn_picture(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("title", c_char_p),
        ("image", c_void_p),
    ]


class dnn_audit_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("train_name", c_char_p),
        ("test_name", c_char_p),
        ("low", c_double),
        ("high", c_double),
        ("classes", c_int64),
        ("features", c_void_p),
        ("probabilities", c_void_p),
        ("k", c_int64),
        ("max_samples", c_int64),
        ("seed", c_uint64),
        ("skip", c_int32),
        ("progress", dnn_progress),
    ]


class dnn_average_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("kind", c_int),
        ("decay", c_double),
    ]


class dnn_cross_entropy_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("reduction", c_int),
        ("class_weights", POINTER(c_double)),
        ("n_class_weights", c_int64),
        ("label_smoothing", c_double),
        ("has_ignore_index", c_int32),
        ("ignore_index", c_int64),
    ]


class dnn_pair_loss_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("reduction", c_int),
    ]


class dnn_huber_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("reduction", c_int),
        ("delta", c_double),
    ]


class dnn_bce_with_logits_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("reduction", c_int),
        ("pos_weight", POINTER(c_double)),
        ("n_pos_weight", c_int64),
    ]


class dnn_check_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("mode", c_int),
        ("phases", c_int32),
        ("skip", c_int32),
        ("tolerance", c_double),
        ("float32_tolerance", c_double),
        ("seed", c_uint64),
        ("budget", c_int64),
        ("pairs", c_int32),
        ("samples", c_int32),
        ("only", c_char_p),
        ("loss", c_void_p),
        ("target", c_void_p),
        ("burn_in", c_int32),
    ]


class dnn_check_entry(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("path", c_char_p),
        ("phase", c_char_p),
        ("verdict", c_int),
        ("is_direction", c_int32),
        ("rank", c_int32),
        ("index", c_int64 * 8),
        ("x", c_double),
        ("analytic", c_double),
        ("numeric", c_double),
        ("error_bar", c_double),
        ("error", c_double),
        ("relative_error", c_double),
        ("h", c_double),
        ("f_minus", c_double),
        ("f_plus", c_double),
    ]


class dnn_check_row(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("path", c_char_p),
        ("phase", c_char_p),
        ("verdict", c_int),
        ("elements", c_int64),
        ("checked", c_int64),
        ("passed", c_int64),
        ("kinked", c_int64),
        ("inconclusive", c_int64),
        ("failed", c_int64),
        ("worst_error", c_double),
        ("float32_error", c_double),
        ("hint", c_char_p),
    ]


class dnn_check_finding(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("phase", c_char_p),
        ("verdict", c_int),
        ("detail", c_char_p),
    ]


class dnn_check_figures(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("verdict", c_int),
        ("checked", c_int64),
        ("passed", c_int64),
        ("kinked", c_int64),
        ("inconclusive", c_int64),
        ("failed", c_int64),
        ("rows", c_int64),
        ("findings", c_int64),
        ("findings_failed", c_int64),
        ("worst_error", c_double),
        ("worst_float32_error", c_double),
        ("seed", c_uint64),
        ("evaluations", c_int64),
        ("hint", c_char_p),
        ("reproduce", c_char_p),
    ]


class dnn_sgd_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("lr", c_double),
        ("momentum", c_double),
        ("dampening", c_double),
        ("weight_decay", c_double),
        ("nesterov", c_int32),
    ]


class dnn_adam_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("lr", c_double),
        ("beta1", c_double),
        ("beta2", c_double),
        ("epsilon", c_double),
        ("weight_decay", c_double),
    ]


class dnn_rmsprop_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("lr", c_double),
        ("alpha", c_double),
        ("epsilon", c_double),
        ("weight_decay", c_double),
        ("momentum", c_double),
        ("centred", c_int32),
    ]


class dnn_adagrad_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("lr", c_double),
        ("lr_decay", c_double),
        ("epsilon", c_double),
        ("weight_decay", c_double),
        ("initial", c_double),
    ]


class dnn_nadam_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("lr", c_double),
        ("beta1", c_double),
        ("beta2", c_double),
        ("epsilon", c_double),
        ("weight_decay", c_double),
        ("momentum_decay", c_double),
        ("decoupled", c_int32),
    ]


class dnn_lion_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("lr", c_double),
        ("beta1", c_double),
        ("beta2", c_double),
        ("weight_decay", c_double),
    ]


class dnn_lars_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("lr", c_double),
        ("momentum", c_double),
        ("weight_decay", c_double),
        ("trust", c_double),
        ("epsilon", c_double),
        ("nesterov", c_int32),
    ]


class dnn_lamb_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("lr", c_double),
        ("beta1", c_double),
        ("beta2", c_double),
        ("epsilon", c_double),
        ("weight_decay", c_double),
    ]


class dnn_muon_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("lr", c_double),
        ("momentum", c_double),
        ("weight_decay", c_double),
        ("plain", c_int32),
        ("rounds", c_int32),
        ("adam", POINTER(c_char_p)),
        ("n_adam", c_int64),
        ("adam_factor", c_double),
        ("beta1", c_double),
        ("beta2", c_double),
    ]


class dnn_lbfgs_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("lr", c_double),
        ("max_iter", c_int64),
        ("max_eval", c_int64),
        ("tolerance_grad", c_double),
        ("tolerance_change", c_double),
        ("history_size", c_int64),
        ("strong_wolfe", c_int32),
    ]


class dnn_group_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("lr_factor", c_double),
        ("weight_decay", c_double),
    ]


class dnn_group_info(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("pattern", c_char_p),
        ("lr", c_double),
        ("lr_factor", c_double),
        ("weight_decay", c_double),
        ("parameters", c_int64),
        ("elements", c_int64),
    ]


class dnn_optimizer_state(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("path", c_char_p),
        ("name", c_char_p),
        ("value", c_void_p),
    ]


class dnn_schedule_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("kind", c_int),
        ("lr", c_double),
        ("warmup", c_double),
        ("warmup_start", c_double),
        ("epochs", c_double),
        ("final", c_double),
        ("gamma", c_double),
        ("period", c_double),
        ("growth", c_double),
        ("power", c_double),
        ("decay", c_double),
        ("milestones", POINTER(c_double)),
        ("n_milestones", c_int64),
        ("patience", c_int64),
        ("cooldown", c_int64),
        ("threshold", c_double),
        ("maximise", c_int32),
    ]


class dnn_flattened(Structure):
    _fields_ = [
        ("path", c_char_p),
        ("height", c_int64),
        ("width", c_int64),
        ("channels", c_int64),
    ]


class dnn_metadata(Structure):
    _fields_ = [
        ("key", c_char_p),
        ("value", c_char_p),
    ]


class dnn_weights_save_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("layout", c_int),
        ("dtype", c_int),
        ("flattened", POINTER(dnn_flattened)),
        ("n_flattened", c_int64),
        ("metadata", POINTER(dnn_metadata)),
        ("n_metadata", c_int64),
    ]


class dnn_weights_load_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("layout", c_int),
        ("flags", c_int32),
        ("flattened", POINTER(dnn_flattened)),
        ("n_flattened", c_int64),
    ]


class dnn_checkpoint_parts(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("module", c_void_p),
        ("optimizer", c_void_p),
        ("schedule", c_void_p),
        ("loader", c_void_p),
        ("names", POINTER(c_char_p)),
        ("tensors", POINTER(c_void_p)),
        ("n_tensors", c_int64),
        ("metadata", POINTER(dnn_metadata)),
        ("n_metadata", c_int64),
        ("average", c_void_p),
    ]


class dnn_checkpoint_save_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("number", c_int64),
        ("keep", c_int64),
    ]


class dnn_index_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("no_hash", c_int32),
        ("progress", dnn_progress),
    ]


class dnn_sheet_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("title", c_char_p),
        ("captions", POINTER(c_char_p)),
        ("frames", POINTER(c_uint32)),
        ("columns", c_int64),
        ("zoom", c_int64),
        ("low", c_double),
        ("high", c_double),
        ("per_image", c_int32),
        ("palette", c_int),
        ("blank", c_char_p),
        ("alike", c_int32),
    ]


class dnn_series(Structure):
    _fields_ = [
        ("x", POINTER(c_double)),
        ("y", POINTER(c_double)),
        ("count", c_int64),
        ("label", c_char_p),
        ("colour", c_uint32),
    ]


class dnn_band(Structure):
    _fields_ = [
        ("x", POINTER(c_double)),
        ("low", POINTER(c_double)),
        ("high", POINTER(c_double)),
        ("count", c_int64),
        ("colour", c_uint32),
    ]


class dnn_plot_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("width", c_int64),
        ("height", c_int64),
        ("title", c_char_p),
        ("x_label", c_char_p),
        ("y_label", c_char_p),
        ("x_low", c_double),
        ("x_high", c_double),
        ("y_low", c_double),
        ("y_high", c_double),
        ("y_log", c_int32),
        ("x_log", c_int32),
        ("bands", POINTER(dnn_band)),
        ("n_bands", c_int64),
        ("smoothing", c_double),
        ("ascii", c_int32),
    ]


class dnn_layer_epilogue(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("parts", c_uint32),
        ("scale", c_void_p),
        ("shift", c_void_p),
        ("addend", c_void_p),
        ("addend_gradient", c_void_p),
    ]


class dnn_layer_call(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("context", c_void_p),
        ("path", c_char_p),
        ("training", c_int32),
        ("n_inputs", c_int32),
        ("n_outputs", c_int32),
        ("n_parameters", c_int32),
        ("n_buffers", c_int32),
        ("n_kept", c_int32),
        ("inputs", POINTER(dnn_array)),
        ("outputs", POINTER(dnn_array)),
        ("parameters", POINTER(dnn_array)),
        ("buffers", POINTER(dnn_array)),
        ("kept", POINTER(dnn_array)),
        ("work", c_void_p),
        ("seed", c_uint64),
        ("stream", c_uint64),
        ("output_gradients", POINTER(dnn_array)),
        ("input_gradients", POINTER(dnn_array)),
        ("parameter_gradients", POINTER(dnn_array)),
        ("epilogue", POINTER(dnn_layer_epilogue)),
        ("fresh", c_uint32),
        ("prepared", c_void_p),
        ("repeated", c_int32),
    ]


class dnn_layer_window(Structure):
    _fields_ = [
        ("extent", c_int64 * 2),
        ("stride", c_int64 * 2),
        ("before", c_int64 * 2),
    ]


class dnn_layer_spec(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("flags", c_uint32),
        ("n_outputs", c_int32),
        ("n_kept", c_int32),
        ("outputs", dnn_array * 4),
        ("kept", dnn_array * 4),
        ("backward_reads", c_uint32),
        ("forward_work", c_int64),
        ("backward_work", c_int64),
        ("flops", c_double),
        ("takes", c_uint32),
        ("is", c_uint32),
        ("writes", c_uint32),
        ("prepared_bytes", c_int64),
        ("sees", c_int),
        ("window", dnn_layer_window),
    ]


class dnn_layer_class(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("type", c_char_p),
        ("shape", CFUNCTYPE(c_int, c_void_p, POINTER(dnn_layer_call), POINTER(dnn_layer_spec))),
        ("forward", CFUNCTYPE(c_int, c_void_p, POINTER(dnn_layer_call))),
        ("backward", CFUNCTYPE(c_int, c_void_p, POINTER(dnn_layer_call))),
        ("detail", CFUNCTYPE(None, c_void_p, POINTER(c_char), c_size_t)),
        ("choices", CFUNCTYPE(None, c_void_p, POINTER(dnn_layer_call), POINTER(c_uint64))),
        ("release", CFUNCTYPE(None, c_void_p)),
        ("affine", CFUNCTYPE(c_int, c_void_p, POINTER(dnn_layer_call), c_void_p, c_void_p)),
        ("prepare", CFUNCTYPE(c_int, c_void_p, POINTER(dnn_layer_call), c_void_p)),
        ("repeatable", c_int32),
    ]


class dnn_linear_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("in_features", c_int64),
        ("out_features", c_int64),
        ("no_bias", c_int32),
        ("weight_init", POINTER(dnn_init)),
        ("bias_init", POINTER(dnn_init)),
    ]


class dnn_conv2d_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("in_channels", c_int64),
        ("out_channels", c_int64),
        ("kernel", c_int64 * 2),
        ("stride", c_int64 * 2),
        ("padding", c_int64),
        ("pad", c_int64 * 4),
        ("dilation", c_int64 * 2),
        ("groups", c_int64),
        ("no_bias", c_int32),
        ("weight_init", POINTER(dnn_init)),
        ("bias_init", POINTER(dnn_init)),
    ]


class dnn_embedding_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("num", c_int64),
        ("dim", c_int64),
        ("has_padding", c_int32),
        ("padding_idx", c_int64),
        ("weight_init", POINTER(dnn_init)),
    ]


class dnn_batch_norm_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("features", c_int64),
        ("eps", c_double),
        ("momentum", c_double),
        ("no_affine", c_int32),
    ]


class dnn_layer_norm_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("shape", c_int64 * 8),
        ("eps", c_double),
        ("no_affine", c_int32),
        ("no_bias", c_int32),
    ]


class dnn_pool2d_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("kernel", c_int64 * 2),
        ("stride", c_int64 * 2),
        ("padding", c_int64),
        ("pad", c_int64 * 4),
        ("dilation", c_int64 * 2),
        ("exclude_pad", c_int32),
    ]


class dnn_pad_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("before", c_int64 * 8),
        ("after", c_int64 * 8),
        ("value", c_double),
    ]


class dnn_matmul_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("transpose_a", c_int32),
        ("transpose_b", c_int32),
    ]


class dnn_reduce_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("n_axes", c_int32),
        ("axes", c_int32 * 8),
        ("keep_dims", c_int32),
    ]


class dnn_attention_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("heads", c_int64),
        ("causal", c_int32),
        ("scale", c_double),
    ]


class dnn_multi_head_attention_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("embed", c_int64),
        ("heads", c_int64),
        ("causal", c_int32),
        ("no_bias", c_int32),
        ("in_proj_init", POINTER(dnn_init)),
        ("out_proj_init", POINTER(dnn_init)),
    ]


class dnn_rnn_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("inputs", c_int64),
        ("hidden", c_int64),
        ("no_bias", c_int32),
        ("with_state", c_int32),
        ("weight_ih_init", POINTER(dnn_init)),
        ("weight_hh_init", POINTER(dnn_init)),
        ("bias_init", POINTER(dnn_init)),
    ]


class dnn_summary_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("most", c_int64),
        ("progress", dnn_progress),
    ]


class dnn_values(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("count", c_int64),
        ("nans", c_int64),
        ("infinities", c_int64),
        ("min", c_double),
        ("max", c_double),
        ("mean", c_double),
        ("std", c_double),
        ("q01", c_double),
        ("q05", c_double),
        ("q25", c_double),
        ("median", c_double),
        ("q75", c_double),
        ("q95", c_double),
        ("q99", c_double),
        ("kept", c_int64),
        ("constant", c_int64),
        ("whole", c_int32),
    ]


class dnn_classes(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("classes", c_int64),
        ("counted", c_int64),
        ("outside", c_int64),
        ("empty", c_int64),
        ("least", c_int64),
        ("most", c_int64),
        ("least_share", c_double),
        ("most_share", c_double),
        ("imbalanced", c_int32),
    ]


class dnn_look_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("low", c_double),
        ("high", c_double),
        ("most", c_int64),
    ]


class dnn_samples_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("order", c_int),
        ("count", c_int64),
        ("seed", c_uint64),
        ("scores", POINTER(c_double)),
        ("smallest_first", c_int32),
        ("indices", POINTER(c_int64)),
        ("n_indices", c_int64),
        ("title", c_char_p),
        ("columns", c_int64),
        ("zoom", c_int64),
    ]


class dnn_draws_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("indices", POINTER(c_int64)),
        ("n_indices", c_int64),
        ("rows", c_int64),
        ("draws", c_int64),
        ("seed", c_uint64),
        ("title", c_char_p),
        ("zoom", c_int64),
    ]


class dnn_metrics_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("classes", c_int64),
        ("probabilities", c_int32),
        ("k", c_int64),
        ("bins", c_int64),
        ("auc", c_int32),
        ("has_ignore_index", c_int32),
        ("ignore_index", c_int64),
        ("names", POINTER(c_char_p)),
    ]


class dnn_monitor_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("window", c_int64),
        ("patience", c_int64),
        ("history", c_int64),
        ("ignore", POINTER(c_char_p)),
        ("n_ignore", c_int64),
        ("replay", c_char_p),
    ]


class dnn_monitor_figures(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("steps", c_int64),
        ("loss", c_double),
        ("smoothed", c_double),
        ("best", c_double),
        ("gradient_norm", c_double),
        ("update_ratio", c_double),
        ("lr", c_double),
        ("validation", c_double),
    ]


class dnn_autopsy_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("replay", c_char_p),
    ]


class dnn_statistics_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("per", c_int),
        ("targets", c_int32),
        ("skip_nan", c_int32),
        ("progress", dnn_progress),
    ]


class dnn_preflight_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("validation", c_void_p),
        ("batch_size", c_int64),
        ("low", c_double),
        ("high", c_double),
        ("statistics", c_void_p),
        ("augments", c_int32),
        ("frozen", c_char_p),
        ("memory_budget", c_int64),
        ("epochs", c_int64),
        ("folder", c_char_p),
        ("log", CFUNCTYPE(c_int, c_void_p, c_int64, c_double)),
        ("log_user", c_void_p),
        ("seed", c_uint64),
        ("skip", c_int32),
        ("progress", dnn_progress),
    ]


class dnn_probe_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("seed", c_uint64),
        ("batch", c_int64),
    ]


class dnn_run_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("argc", c_int32),
        ("argv", POINTER(c_char_p)),
        ("mode", c_int),
        ("no_events", c_int32),
        ("no_context_log", c_int32),
        ("now", CFUNCTYPE(c_double, c_void_p)),
        ("user", c_void_p),
    ]


class dnn_bar(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("label", c_char_p),
        ("done", c_int64),
        ("total", c_int64),
        ("first", c_int64),
        ("seconds", c_double),
        ("unit", c_char_p),
        ("units_per_step", c_int64),
        ("has_loss", c_int32),
        ("loss", c_double),
        ("width", c_int32),
        ("plain", c_int32),
    ]


class dnn_search_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("folder", c_char_p),
        ("method", c_int),
        ("trials", c_int64),
        ("points", c_int64),
        ("seed", c_uint64),
        ("maximise", c_int32),
        ("max_steps", c_int64),
        ("min_steps", c_int64),
        ("eta", c_int64),
        ("promote", c_int32),
    ]


class dnn_trial_info(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("state", c_int),
        ("steps", c_int64),
        ("value", c_double),
    ]


class dnn_activations_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("sample", c_int64),
        ("most", c_int64),
        ("one_by_one", c_int32),
        ("title", c_char_p),
        ("columns", c_int64),
        ("zoom", c_int64),
    ]


class dnn_gradcam_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("layer", c_char_p),
        ("classes", POINTER(c_int64)),
        ("n_classes", c_int64),
        ("by_place", c_int32),
    ]


class dnn_occlusion_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("patch", c_int64 * 2),
        ("stride", c_int64 * 2),
        ("fill", POINTER(c_double)),
        ("classes", POINTER(c_int64)),
        ("n_classes", c_int64),
        ("progress", dnn_progress),
    ]


class dnn_overlay_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("low", c_double),
        ("high", c_double),
        ("full", c_double),
        ("strength", c_double),
        ("zoom", c_int64),
    ]


class dnn_maximise_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("height", c_int64),
        ("width", c_int64),
        ("channels", c_int64),
        ("layer", c_char_p),
        ("units", POINTER(c_int64)),
        ("n_units", c_int64),
        ("steps", c_int64),
        ("rate", c_double),
        ("low", c_double),
        ("high", c_double),
        ("mean", POINTER(c_double)),
        ("std", POINTER(c_double)),
        ("jitter", c_double),
        ("scaling", c_double),
        ("rotation", c_double),
        ("detail", c_double),
        ("seed", c_uint64),
        ("scores", POINTER(c_double)),
        ("progress", dnn_progress),
    ]


class dnn_predictions_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("indices", POINTER(c_int64)),
        ("n_indices", c_int64),
        ("values", POINTER(c_double)),
        ("name", c_char_p),
        ("title", c_char_p),
        ("probabilities", c_int32),
    ]


class dnn_strip_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("indices", POINTER(c_int64)),
        ("n_indices", c_int64),
        ("title", c_char_p),
        ("probabilities", c_int32),
    ]


class dnn_transform_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("seed", c_uint64),
        ("target", c_int),
        ("mask_fill", c_double),
        ("min_visible", c_double),
    ]


class dnn_to_float_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("low", c_double),
        ("high", c_double),
        ("from_low", c_double),
        ("from_high", c_double),
    ]


class dnn_random_crop_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("out", c_int64 * 2),
        ("padding", c_int64),
        ("border", c_int),
        ("fill", c_double),
    ]


class dnn_random_flip_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("horizontal", c_double),
        ("vertical", c_double),
    ]


class dnn_resize_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("out", c_int64 * 2),
        ("shorter", c_int64),
        ("filter", c_int),
        ("no_antialias", c_int32),
    ]


class dnn_random_resized_crop_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("out", c_int64 * 2),
        ("scale", c_double * 2),
        ("ratio", c_double * 2),
        ("filter", c_int),
        ("no_antialias", c_int32),
    ]


class dnn_random_rotation_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("low", c_double),
        ("high", c_double),
        ("filter", c_int),
        ("border", c_int),
        ("fill", c_double),
    ]


class dnn_random_affine_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("rotate", c_double * 2),
        ("translate", c_double * 2),
        ("scale", c_double * 2),
        ("shear", c_double * 2),
        ("filter", c_int),
        ("border", c_int),
        ("fill", c_double),
    ]


class dnn_random_perspective_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("distortion", c_double),
        ("filter", c_int),
        ("border", c_int),
        ("fill", c_double),
    ]


class dnn_color_jitter_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("brightness", c_double),
        ("contrast", c_double),
        ("saturation", c_double),
        ("hue", c_double),
    ]


class dnn_random_erase_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("scale", c_double * 2),
        ("ratio", c_double * 2),
        ("fill", c_double),
        ("noise", c_int32),
    ]


class dnn_domain_randomization_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("strength", c_double),
        ("no_color", c_int32),
    ]


class dnn_tune_range_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("low", c_double),
        ("high", c_double),
        ("steps", c_int64),
        ("batch_size", c_int64),
        ("seeds", c_int64),
        ("seed", c_uint64),
        ("fresh", c_int32),
        ("smoothing", c_double),
        ("progress", dnn_progress),
    ]


class dnn_tune_range_result(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("valley", c_double),
        ("steep", c_double),
        ("minimum", c_double),
        ("ends", c_double),
        ("points", c_int64),
    ]


class dnn_tune_sweep_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("rates", POINTER(c_double)),
        ("n_rates", c_int64),
        ("steps", c_int64),
        ("batch_size", c_int64),
        ("seeds", c_int64),
        ("seed", c_uint64),
        ("fresh", c_int32),
        ("progress", dnn_progress),
    ]


class dnn_tune_sweep_result(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("best", c_double),
        ("first_loss", c_double),
        ("best_loss", c_double),
        ("diverged", c_int64),
    ]


class dnn_tune_divergence_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("high", c_double),
        ("precision", c_double),
        ("steps", c_int64),
        ("batch_size", c_int64),
        ("seeds", c_int64),
        ("seed", c_uint64),
        ("fresh", c_int32),
        ("progress", dnn_progress),
    ]


class dnn_tune_divergence_result(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("rate", c_double),
        ("diverges", c_double),
        ("holds", c_double),
        ("best", c_double),
    ]


class dnn_tune_batch_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("budget", c_int64),
        ("most", c_int64),
        ("prefetch", c_int32),
        ("untimed", c_int32),
        ("progress", dnn_progress),
    ]


class dnn_tune_batch_result(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("largest", c_int64),
        ("bytes", c_int64),
        ("next_bytes", c_int64),
        ("budget", c_int64),
        ("enough", c_int64),
        ("throughput", c_double),
    ]


class dnn_split_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("fraction", c_double),
        ("count", c_int64),
        ("seed", c_uint64),
        ("stratified", c_int32),
        ("groups", POINTER(c_int64)),
        ("n_groups", c_int64),
    ]


class dnn_filter_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("choose", CFUNCTYPE(c_int, c_void_p, c_int64, POINTER(dnn_array), POINTER(dnn_array), POINTER(c_int32))),
        ("user", c_void_p),
        ("targets_only", c_int32),
        ("progress", dnn_progress),
    ]


class dnn_balance_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("per_class", c_int64),
        ("seed", c_uint64),
    ]


class dnn_map_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("input", dnn_array),
        ("target", dnn_array),
        ("map", CFUNCTYPE(c_int, c_void_p, c_int64, c_int64, POINTER(dnn_array), POINTER(dnn_array), POINTER(dnn_array), POINTER(dnn_array))),
        ("thread_safe", c_int32),
        ("release", CFUNCTYPE(None, c_void_p)),
        ("user", c_void_p),
        ("low", c_double),
        ("high", c_double),
    ]


class dnn_windows_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("window", c_int64 * 2),
        ("stride", c_int64 * 2),
        ("cover", c_int32),
        ("target", c_int),
    ]


class dnn_mix_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("mixup", c_double),
        ("cutmix", c_double),
        ("probability", c_double),
        ("classes", c_int64),
        ("seed", c_uint64),
    ]


class dnn_metadata_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("class_names", POINTER(c_char_p)),
        ("classes", c_int64),
        ("low", c_double),
        ("high", c_double),
    ]


class dnn_read_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("max_bytes", c_int64),
    ]


class dnn_cifar_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("kind", c_int),
    ]


class dnn_text_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("window", c_int64),
        ("stride", c_int64),
        ("unit", c_int),
        ("vocabulary", c_char_p),
        ("progress", dnn_progress),
    ]


class dnn_image_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("height", c_int64),
        ("width", c_int64),
        ("fit", c_int),
        ("padding", c_int32),
        ("channels", c_int32),
        ("ignore_orientation", c_int32),
        ("max_bytes", c_int64),
    ]


class dnn_image_folder_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("image", POINTER(dnn_image_desc)),
        ("bad", c_int),
        ("progress", dnn_progress),
    ]


class dnn_csv_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("delimiter", c_int32),
        ("header", c_int),
        ("missing", POINTER(c_char_p)),
        ("n_missing", c_int64),
        ("progress", dnn_progress),
    ]


class dnn_column_info(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("type", c_int),
        ("missing", c_int64),
        ("low", c_double),
        ("high", c_double),
        ("mean", c_double),
        ("classes", c_int64),
    ]


class dnn_table_dataset_desc(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("target", c_char_p),
        ("has_target_column", c_int32),
        ("target_column", c_int64),
        ("target_dtype", c_int),
        ("inputs", POINTER(c_int64)),
        ("n_inputs", c_int64),
        ("missing", c_int),
        ("value", c_double),
        ("text", c_int),
    ]


# name: (result, parameters); a result that is dnn_status becomes an exception where it is a failure.
DNN = {
    "dnn_version": (c_int32, []),
    "dnn_version_string": (c_char_p, []),
    "dnn_dtype_name": (c_char_p, [c_int]),
    "dnn_dtype_size": (c_int64, [c_int]),
    "dnn_status_name": (c_char_p, [c_int]),
    "dnn_status_text": (c_char_p, [c_int]),
    "dnn_last_error": (c_char_p, []),
    "dnn_last_status": (dnn_status, []),
    "dnn_fail": (dnn_status, [c_int, c_char_p]),
    "dnn_context_create": (dnn_status, [POINTER(c_void_p), POINTER(dnn_context_desc)]),
    "dnn_context_release": (dnn_status, [c_void_p]),
    "dnn_context_describe": (c_char_p, [c_void_p]),
    "dnn_context_threads": (c_int32, [c_void_p]),
    "dnn_context_seed": (dnn_status, [c_void_p, c_uint64]),
    "dnn_tensor_create": (dnn_status, [POINTER(c_void_p), c_void_p, c_int, c_int32, POINTER(c_int64)]),
    "dnn_tensor_wrap": (dnn_status, [POINTER(c_void_p), c_void_p, c_int, c_int32, POINTER(c_int64), c_void_p,
                                     CFUNCTYPE(None, c_void_p), c_void_p]),
    "dnn_tensor_slice": (dnn_status, [POINTER(c_void_p), c_void_p, c_int64, c_int64]),
    "dnn_tensor_reshape": (dnn_status, [POINTER(c_void_p), c_void_p, c_int32, POINTER(c_int64)]),
    "dnn_tensor_clone": (dnn_status, [POINTER(c_void_p), c_void_p]),
    "dnn_tensor_copy": (dnn_status, [c_void_p, c_void_p]),
    "dnn_tensor_cast": (dnn_status, [POINTER(c_void_p), c_void_p, c_int, c_int, POINTER(c_int64)]),
    "dnn_tensor_retain": (dnn_status, [c_void_p]),
    "dnn_tensor_release": (dnn_status, [c_void_p]),
    "dnn_tensor_dtype": (c_int, [c_void_p]),
    "dnn_tensor_rank": (c_int32, [c_void_p]),
    "dnn_tensor_dim": (c_int64, [c_void_p, c_int32]),
    "dnn_tensor_dims": (POINTER(c_int64), [c_void_p]),
    "dnn_tensor_count": (c_int64, [c_void_p]),
    "dnn_tensor_bytes": (c_int64, [c_void_p]),
    "dnn_tensor_data": (c_void_p, [c_void_p]),
    "dnn_tensor_const_data": (c_void_p, [c_void_p]),
    "dnn_tensor_get": (dnn_status, [c_void_p, c_int32, POINTER(c_int64), POINTER(c_double)]),
    "dnn_tensor_set": (dnn_status, [c_void_p, c_int32, POINTER(c_int64), c_double]),
    "dnn_tensor_fill": (dnn_status, [c_void_p, POINTER(dnn_init)]),
    "dnn_dataset_from_tensors": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p]),
    "dnn_dataset_from_callbacks": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_callback_dataset_desc)]),
    "dnn_digits": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_digits_desc)]),
    "dnn_dataset_count": (c_int64, [c_void_p]),
    "dnn_dataset_item": (dnn_status, [c_void_p, POINTER(dnn_item_info)]),
    "dnn_dataset_get": (dnn_status, [POINTER(c_void_p), POINTER(c_void_p), c_void_p, POINTER(c_int64), c_int64]),
    "dnn_dataset_get_range": (dnn_status, [POINTER(c_void_p), POINTER(c_void_p), c_void_p, c_int64, c_int64]),
    "dnn_dataset_get_targets": (dnn_status, [POINTER(c_void_p), c_void_p, c_int64, c_int64]),
    "dnn_dataset_hash": (dnn_status, [POINTER(c_uint64), c_void_p, POINTER(dnn_progress)]),
    "dnn_dataset_classes": (c_int64, [c_void_p]),
    "dnn_dataset_class_name": (c_char_p, [c_void_p, c_int64]),
    "dnn_dataset_range": (dnn_status, [c_void_p, POINTER(c_double), POINTER(c_double)]),
    "dnn_dataset_sample_name": (dnn_status, [c_void_p, c_int64, POINTER(c_char), c_size_t]),
    "dnn_dataset_source_index": (c_int64, [c_void_p, c_int64]),
    "dnn_dataset_retain": (dnn_status, [c_void_p]),
    "dnn_dataset_release": (dnn_status, [c_void_p]),
    "dnn_loader_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_loader_desc)]),
    "dnn_loader_next": (dnn_status, [c_void_p, POINTER(c_void_p), POINTER(c_void_p)]),
    "dnn_loader_batches": (c_int64, [c_void_p]),
    "dnn_loader_position": (dnn_status, [c_void_p, POINTER(dnn_loader_place)]),
    "dnn_loader_seek": (dnn_status, [c_void_p, POINTER(dnn_loader_place)]),
    "dnn_loader_epoch": (c_int64, [c_void_p]),
    "dnn_loader_set_epoch": (dnn_status, [c_void_p, c_int64]),
    "dnn_loader_release": (dnn_status, [c_void_p]),
    "dnn_sequential_create": (dnn_status, [POINTER(c_void_p), c_void_p]),
    "dnn_sequential_add": (dnn_status, [c_void_p, c_char_p, c_void_p]),
    "dnn_graph_create": (dnn_status, [POINTER(c_void_p), c_void_p]),
    "dnn_graph_input": (c_int32, [c_void_p]),
    "dnn_graph_apply": (c_int32, [c_void_p, c_char_p, c_void_p, c_int32]),
    "dnn_graph_apply2": (c_int32, [c_void_p, c_char_p, c_void_p, c_int32, c_int32]),
    "dnn_graph_call": (dnn_status, [c_void_p, c_char_p, c_void_p, POINTER(c_int32), c_int32, POINTER(c_int32),
                                    c_int32]),
    "dnn_graph_output": (dnn_status, [c_void_p, c_int32]),
    "dnn_module_error": (dnn_status, [c_void_p]),
    "dnn_module_retain": (dnn_status, [c_void_p]),
    "dnn_module_release": (dnn_status, [c_void_p]),
    "dnn_module_train": (dnn_status, [c_void_p]),
    "dnn_module_eval": (dnn_status, [c_void_p]),
    "dnn_module_is_training": (c_int32, [c_void_p]),
    "dnn_module_freeze": (dnn_status, [c_void_p, c_char_p]),
    "dnn_module_unfreeze": (dnn_status, [c_void_p, c_char_p]),
    "dnn_module_set_gradients": (dnn_status, [c_void_p, c_int32]),
    "dnn_module_set_memory": (dnn_status, [c_void_p, c_int64]),
    "dnn_module_to": (dnn_status, [c_void_p, c_int]),
    "dnn_module_forward": (dnn_status, [c_void_p, c_void_p, POINTER(c_void_p)]),
    "dnn_module_forward_n": (dnn_status, [c_void_p, POINTER(c_void_p), c_int32, POINTER(c_void_p), c_int32]),
    "dnn_module_backward": (dnn_status, [c_void_p, c_void_p, POINTER(c_void_p)]),
    "dnn_module_backward_n": (dnn_status, [c_void_p, POINTER(c_void_p), c_int32, POINTER(c_void_p), c_int32]),
    "dnn_module_zero_grad": (dnn_status, [c_void_p]),
    "dnn_module_pending_backwards": (c_int32, [c_void_p]),
    "dnn_module_parameter_count": (c_int64, [c_void_p]),
    "dnn_module_parameter_at": (dnn_status, [c_void_p, c_int64, POINTER(dnn_parameter)]),
    "dnn_module_parameter": (dnn_status, [c_void_p, c_char_p, POINTER(dnn_parameter)]),
    "dnn_module_count": (c_int64, [c_void_p]),
    "dnn_module_at": (dnn_status, [c_void_p, c_int64, POINTER(dnn_module_info)]),
    "dnn_module_find": (c_void_p, [c_void_p, c_char_p]),
    "dnn_module_describe": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_array), c_int32]),
    "dnn_module_receptive_field": (dnn_status, [c_void_p, POINTER(dnn_array), c_int32, POINTER(dnn_receptive_field)]),
    "dnn_description_release": (dnn_status, [c_void_p]),
    "dnn_description_totals_get": (dnn_status, [c_void_p, POINTER(dnn_description_totals)]),
    "dnn_description_step": (dnn_status, [c_void_p, c_int64, POINTER(dnn_step_info)]),
    "dnn_description_text": (c_char_p, [c_void_p]),
    "dnn_module_observe": (dnn_status, [c_void_p, POINTER(c_void_p), c_int32,
                                        CFUNCTYPE(c_int, c_void_p, POINTER(dnn_observation)), c_void_p]),
    "dnn_predictor_create": (dnn_status, [POINTER(c_void_p), c_void_p]),
    "dnn_predictor_run": (dnn_status, [c_void_p, c_void_p, POINTER(c_void_p)]),
    "dnn_predictor_run_n": (dnn_status, [c_void_p, POINTER(c_void_p), c_int32, POINTER(c_void_p), c_int32]),
    "dnn_predictor_release": (dnn_status, [c_void_p]),
    "dnn_severity_name": (c_char_p, [c_int]),
    "dnn_report_title": (c_char_p, [c_void_p]),
    "dnn_report_worst": (c_int, [c_void_p]),
    "dnn_report_findings": (c_int64, [c_void_p]),
    "dnn_report_finding": (dnn_status, [c_void_p, c_int64, POINTER(dnn_finding)]),
    "dnn_report_find": (dnn_status, [c_void_p, c_char_p, POINTER(dnn_finding)]),
    "dnn_report_figures": (c_int64, [c_void_p]),
    "dnn_report_figure": (dnn_status, [c_void_p, c_int64, POINTER(dnn_figure)]),
    "dnn_report_sections": (c_int64, [c_void_p]),
    "dnn_report_section": (dnn_status, [c_void_p, c_int64, POINTER(dnn_section)]),
    "dnn_report_pictures": (c_int64, [c_void_p]),
    "dnn_report_picture": (dnn_status, [c_void_p, c_int64, POINTER(dnn_picture)]),
    "dnn_report_text": (c_char_p, [c_void_p]),
    "dnn_report_json": (c_char_p, [c_void_p]),
    "dnn_report_create": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p]),
    "dnn_report_add_finding": (dnn_status, [c_void_p, POINTER(dnn_finding)]),
    "dnn_report_add_figure": (dnn_status, [c_void_p, c_char_p, c_double, c_char_p]),
    "dnn_report_add_section": (dnn_status, [c_void_p, c_char_p, c_char_p, c_char_p]),
    "dnn_report_add_picture": (dnn_status, [c_void_p, c_char_p, c_void_p]),
    "dnn_report_append": (dnn_status, [c_void_p, c_void_p]),
    "dnn_report_release": (dnn_status, [c_void_p]),
    "dnn_audit": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, POINTER(dnn_audit_desc)]),
    "dnn_average_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_average_desc)]),
    "dnn_average_release": (dnn_status, [c_void_p]),
    "dnn_average_update": (dnn_status, [c_void_p]),
    "dnn_average_swap": (dnn_status, [c_void_p]),
    "dnn_average_is_swapped": (c_int32, [c_void_p]),
    "dnn_average_updates": (c_int64, [c_void_p]),
    "dnn_cross_entropy_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_cross_entropy_desc)]),
    "dnn_mse_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_pair_loss_desc)]),
    "dnn_l1_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_pair_loss_desc)]),
    "dnn_huber_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_huber_desc)]),
    "dnn_bce_with_logits_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_bce_with_logits_desc)]),
    "dnn_loss_evaluate": (dnn_status, [c_void_p, c_void_p, c_void_p, POINTER(c_double), POINTER(c_void_p)]),
    "dnn_loss_values": (dnn_status, [c_void_p, POINTER(c_void_p)]),
    "dnn_loss_release": (dnn_status, [c_void_p]),
    "dnn_check_verdict_name": (c_char_p, [c_int]),
    "dnn_check_gradients": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(c_void_p), c_int32,
                                         POINTER(dnn_check_desc)]),
    "dnn_check_loss": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_void_p, POINTER(dnn_check_desc)]),
    "dnn_check_report_release": (dnn_status, [c_void_p]),
    "dnn_check_report_figures": (dnn_status, [c_void_p, POINTER(dnn_check_figures)]),
    "dnn_check_report_worst": (dnn_status, [c_void_p, POINTER(dnn_check_entry)]),
    "dnn_check_report_row": (dnn_status, [c_void_p, c_int64, POINTER(dnn_check_row)]),
    "dnn_check_report_finding": (dnn_status, [c_void_p, c_int64, POINTER(dnn_check_finding)]),
    "dnn_check_report_text": (c_char_p, [c_void_p]),
    "dnn_check_report_json": (c_char_p, [c_void_p]),
    "dnn_sgd_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_sgd_desc)]),
    "dnn_adam_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_adam_desc)]),
    "dnn_adamw_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_adam_desc)]),
    "dnn_rmsprop_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_rmsprop_desc)]),
    "dnn_adagrad_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_adagrad_desc)]),
    "dnn_nadam_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_nadam_desc)]),
    "dnn_lion_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_lion_desc)]),
    "dnn_lars_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_lars_desc)]),
    "dnn_lamb_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_lamb_desc)]),
    "dnn_muon_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_muon_desc)]),
    "dnn_lbfgs_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_lbfgs_desc)]),
    "dnn_optimizer_release": (dnn_status, [c_void_p]),
    "dnn_optimizer_step": (dnn_status, [c_void_p]),
    "dnn_optimizer_step_closure": (dnn_status, [c_void_p, CFUNCTYPE(c_int, c_void_p, POINTER(c_double)), c_void_p,
                                                POINTER(c_double)]),
    "dnn_optimizer_zero_grad": (dnn_status, [c_void_p]),
    "dnn_optimizer_set_accumulation": (dnn_status, [c_void_p, c_int32]),
    "dnn_optimizer_steps": (c_int64, [c_void_p]),
    "dnn_optimizer_set_lr": (dnn_status, [c_void_p, c_double]),
    "dnn_optimizer_get_lr": (c_double, [c_void_p]),
    "dnn_optimizer_clip_norm": (dnn_status, [c_void_p, c_double]),
    "dnn_optimizer_gradient_norm": (c_double, [c_void_p]),
    "dnn_optimizer_group": (dnn_status, [c_void_p, c_char_p, POINTER(dnn_group_desc)]),
    "dnn_optimizer_set_group": (dnn_status, [c_void_p, c_int32, POINTER(dnn_group_desc)]),
    "dnn_optimizer_group_count": (c_int32, [c_void_p]),
    "dnn_optimizer_group_at": (dnn_status, [c_void_p, c_int32, POINTER(dnn_group_info)]),
    "dnn_optimizer_state_count": (c_int64, [c_void_p]),
    "dnn_optimizer_state_at": (dnn_status, [c_void_p, c_int64, POINTER(dnn_optimizer_state)]),
    "dnn_optimizer_state_find": (dnn_status, [c_void_p, c_char_p, c_char_p, POINTER(dnn_optimizer_state)]),
    "dnn_schedule_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_schedule_desc)]),
    "dnn_schedule_release": (dnn_status, [c_void_p]),
    "dnn_schedule_rate": (c_double, [c_void_p, c_double]),
    "dnn_schedule_apply": (dnn_status, [c_void_p, c_void_p, c_double]),
    "dnn_schedule_observe": (dnn_status, [c_void_p, c_double]),
    "dnn_schedule_state": (c_void_p, [c_void_p]),
    "dnn_weights_save": (dnn_status, [c_void_p, c_char_p, POINTER(dnn_weights_save_desc)]),
    "dnn_weights_load": (dnn_status, [c_void_p, c_char_p, POINTER(dnn_weights_load_desc)]),
    "dnn_safetensors_write": (dnn_status, [c_void_p, c_char_p, POINTER(c_char_p), POINTER(c_void_p), c_int64,
                                           POINTER(dnn_metadata), c_int64]),
    "dnn_safetensors_read": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p]),
    "dnn_safetensors_parse": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_int64]),
    "dnn_archive_release": (dnn_status, [c_void_p]),
    "dnn_archive_count": (c_int64, [c_void_p]),
    "dnn_archive_name": (c_char_p, [c_void_p, c_int64]),
    "dnn_archive_tensor": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p]),
    "dnn_archive_tensor_at": (dnn_status, [POINTER(c_void_p), c_void_p, c_int64]),
    "dnn_archive_dataset": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, c_char_p]),
    "dnn_archive_metadata_count": (c_int64, [c_void_p]),
    "dnn_archive_metadata_at": (dnn_status, [c_void_p, c_int64, POINTER(dnn_metadata)]),
    "dnn_archive_metadata": (c_char_p, [c_void_p, c_char_p]),
    "dnn_checkpoint_write": (dnn_status, [c_char_p, POINTER(dnn_checkpoint_parts)]),
    "dnn_checkpoint_read": (dnn_status, [c_char_p, POINTER(dnn_checkpoint_parts)]),
    "dnn_checkpoint_save": (dnn_status, [c_char_p, POINTER(dnn_checkpoint_parts), POINTER(dnn_checkpoint_save_desc)]),
    "dnn_checkpoint_resume": (dnn_status, [c_char_p, POINTER(dnn_checkpoint_parts), POINTER(c_int64)]),
    "dnn_resume_test": (dnn_status, [POINTER(c_void_p), c_char_p, POINTER(dnn_checkpoint_parts),
                                     CFUNCTYPE(c_int, c_void_p), c_void_p, c_int64]),
    "dnn_index_save": (dnn_status, [c_char_p, c_void_p, POINTER(c_char_p), POINTER(c_void_p), c_int64,
                                    POINTER(dnn_index_desc)]),
    "dnn_index_load": (dnn_status, [POINTER(c_void_p), c_char_p, c_void_p, c_char_p, POINTER(dnn_index_desc)]),
    "dnn_sheet_create": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, POINTER(dnn_sheet_desc)]),
    "dnn_sheet_filters": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, POINTER(dnn_sheet_desc)]),
    "dnn_plot_lines": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_series), c_int64, POINTER(dnn_plot_desc)]),
    "dnn_plot_text": (c_int64, [c_void_p, POINTER(dnn_series), c_int64, POINTER(dnn_plot_desc), POINTER(c_char),
                                c_size_t]),
    "dnn_plot_heat": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, POINTER(dnn_plot_desc)]),
    "dnn_plot_histogram": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_int64, POINTER(dnn_plot_desc)]),
    "dnn_plot_bars": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(c_char_p), POINTER(c_double), c_int64,
                                   POINTER(dnn_plot_desc)]),
    "dnn_layer_create": (c_void_p, [c_void_p, POINTER(dnn_layer_class), c_void_p, c_size_t]),
    "dnn_layer_add_parameter": (dnn_status, [c_void_p, c_char_p, c_int32, POINTER(c_int64), POINTER(dnn_init)]),
    "dnn_layer_add_buffer": (dnn_status, [c_void_p, c_char_p, c_int32, POINTER(c_int64), POINTER(dnn_init)]),
    "dnn_layer_mix": (None, [POINTER(c_uint64), c_uint64]),
    "dnn_linear": (c_void_p, [c_void_p, POINTER(dnn_linear_desc)]),
    "dnn_conv2d": (c_void_p, [c_void_p, POINTER(dnn_conv2d_desc)]),
    "dnn_embedding": (c_void_p, [c_void_p, POINTER(dnn_embedding_desc)]),
    "dnn_batch_norm": (c_void_p, [c_void_p, POINTER(dnn_batch_norm_desc)]),
    "dnn_standardize": (c_void_p, [c_void_p, c_void_p]),
    "dnn_layer_norm": (c_void_p, [c_void_p, POINTER(dnn_layer_norm_desc)]),
    "dnn_max_pool2d": (c_void_p, [c_void_p, POINTER(dnn_pool2d_desc)]),
    "dnn_avg_pool2d": (c_void_p, [c_void_p, POINTER(dnn_pool2d_desc)]),
    "dnn_adaptive_avg_pool2d": (c_void_p, [c_void_p, c_int64, c_int64]),
    "dnn_relu": (c_void_p, [c_void_p]),
    "dnn_sigmoid": (c_void_p, [c_void_p]),
    "dnn_tanh": (c_void_p, [c_void_p]),
    "dnn_silu": (c_void_p, [c_void_p]),
    "dnn_leaky_relu": (c_void_p, [c_void_p, c_double]),
    "dnn_gelu": (c_void_p, [c_void_p, c_int]),
    "dnn_softmax": (c_void_p, [c_void_p, c_int32]),
    "dnn_log_softmax": (c_void_p, [c_void_p, c_int32]),
    "dnn_dropout": (c_void_p, [c_void_p, c_double]),
    "dnn_flatten": (c_void_p, [c_void_p]),
    "dnn_reshape": (c_void_p, [c_void_p, c_int32, POINTER(c_int64)]),
    "dnn_permute": (c_void_p, [c_void_p, c_int32, POINTER(c_int32)]),
    "dnn_pad": (c_void_p, [c_void_p, POINTER(dnn_pad_desc)]),
    "dnn_slice": (c_void_p, [c_void_p, c_int32, c_int64, c_int64]),
    "dnn_concat": (c_void_p, [c_void_p, c_int32]),
    "dnn_add": (c_void_p, [c_void_p]),
    "dnn_subtract": (c_void_p, [c_void_p]),
    "dnn_multiply": (c_void_p, [c_void_p]),
    "dnn_divide": (c_void_p, [c_void_p]),
    "dnn_scale": (c_void_p, [c_void_p, c_double]),
    "dnn_matmul": (c_void_p, [c_void_p, POINTER(dnn_matmul_desc)]),
    "dnn_sum": (c_void_p, [c_void_p, POINTER(dnn_reduce_desc)]),
    "dnn_mean": (c_void_p, [c_void_p, POINTER(dnn_reduce_desc)]),
    "dnn_attention": (c_void_p, [c_void_p, POINTER(dnn_attention_desc)]),
    "dnn_multi_head_attention": (c_void_p, [c_void_p, POINTER(dnn_multi_head_attention_desc)]),
    "dnn_lstm": (c_void_p, [c_void_p, POINTER(dnn_rnn_desc)]),
    "dnn_gru": (c_void_p, [c_void_p, POINTER(dnn_rnn_desc)]),
    "dnn_rnn_tanh": (c_void_p, [c_void_p, POINTER(dnn_rnn_desc)]),
    "dnn_summarise": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_summary_desc)]),
    "dnn_summary_release": (dnn_status, [c_void_p]),
    "dnn_summary_samples": (c_int64, [c_void_p]),
    "dnn_summary_channels": (c_int64, [c_void_p, c_int]),
    "dnn_summary_values": (dnn_status, [c_void_p, c_int, c_int64, POINTER(dnn_values)]),
    "dnn_summary_constant": (c_int64, [c_void_p, c_int, POINTER(c_int64), c_int64]),
    "dnn_summary_classes": (dnn_status, [c_void_p, POINTER(dnn_classes)]),
    "dnn_summary_class_count": (c_int64, [c_void_p, c_int64]),
    "dnn_summary_text": (c_char_p, [c_void_p]),
    "dnn_summary_json": (c_char_p, [c_void_p]),
    "dnn_summary_histogram": (dnn_status, [POINTER(c_void_p), c_void_p, c_int, c_int64, POINTER(dnn_plot_desc)]),
    "dnn_summary_bars": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_plot_desc)]),
    "dnn_report_add_summary": (dnn_status, [c_void_p, c_void_p]),
    "dnn_look": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_look_desc)]),
    "dnn_sheet_samples": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_samples_desc)]),
    "dnn_sheet_draws": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_draws_desc)]),
    "dnn_metrics_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_metrics_desc)]),
    "dnn_metrics_release": (dnn_status, [c_void_p]),
    "dnn_metrics_add": (dnn_status, [c_void_p, c_void_p, c_void_p]),
    "dnn_metrics_reset": (dnn_status, [c_void_p]),
    "dnn_metrics_get": (dnn_status, [c_void_p, c_char_p, POINTER(c_double)]),
    "dnn_metrics_per_class": (dnn_status, [c_void_p, c_char_p, POINTER(c_double), c_int64]),
    "dnn_metrics_confusion": (c_void_p, [c_void_p]),
    "dnn_metrics_report": (dnn_status, [POINTER(c_void_p), c_void_p]),
    "dnn_quartiles": (dnn_status, [c_void_p, POINTER(c_double), c_int64, POINTER(c_int64)]),
    "dnn_monitor_create": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, POINTER(dnn_monitor_desc)]),
    "dnn_monitor_add_optimizer": (dnn_status, [c_void_p, c_void_p]),
    "dnn_monitor_step": (dnn_status, [c_void_p, c_double]),
    "dnn_monitor_step_n": (dnn_status, [c_void_p, c_double, POINTER(c_void_p), c_int32]),
    "dnn_monitor_validate": (dnn_status, [c_void_p, c_double]),
    "dnn_monitor_worst": (c_int, [c_void_p]),
    "dnn_monitor_report": (dnn_status, [POINTER(c_void_p), c_void_p]),
    "dnn_monitor_figures_get": (dnn_status, [c_void_p, POINTER(dnn_monitor_figures)]),
    "dnn_monitor_history": (dnn_status, [POINTER(c_void_p), c_void_p]),
    "dnn_monitor_release": (dnn_status, [c_void_p]),
    "dnn_autopsy": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(c_void_p), c_int32, POINTER(dnn_autopsy_desc)]),
    "dnn_statistics_fit": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_statistics_desc)]),
    "dnn_statistics_create": (dnn_status, [POINTER(c_void_p), c_void_p, c_int32, POINTER(c_int64), POINTER(c_double),
                                           POINTER(c_double)]),
    "dnn_statistics_shape": (dnn_status, [c_void_p, POINTER(dnn_array)]),
    "dnn_statistics_features": (c_int64, [c_void_p]),
    "dnn_statistics_mean": (POINTER(c_double), [c_void_p]),
    "dnn_statistics_std": (POINTER(c_double), [c_void_p]),
    "dnn_statistics_min": (POINTER(c_double), [c_void_p]),
    "dnn_statistics_max": (POINTER(c_double), [c_void_p]),
    "dnn_statistics_count": (POINTER(c_double), [c_void_p]),
    "dnn_statistics_save": (dnn_status, [c_void_p, c_char_p]),
    "dnn_statistics_load": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p]),
    "dnn_statistics_retain": (dnn_status, [c_void_p]),
    "dnn_statistics_release": (dnn_status, [c_void_p]),
    "dnn_preflight": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_void_p, c_void_p,
                                   POINTER(dnn_preflight_desc)]),
    "dnn_preflight_data": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, POINTER(dnn_preflight_desc)]),
    "dnn_preflight_first_loss": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_void_p,
                                              POINTER(dnn_preflight_desc)]),
    "dnn_preflight_gradients": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_void_p,
                                             POINTER(dnn_preflight_desc)]),
    "dnn_preflight_overfit": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_void_p, c_void_p,
                                           POINTER(dnn_preflight_desc)]),
    "dnn_preflight_baselines": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_void_p, c_void_p,
                                             POINTER(dnn_preflight_desc)]),
    "dnn_preflight_rehearsal": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_void_p, c_void_p,
                                             POINTER(dnn_preflight_desc)]),
    "dnn_preflight_memory": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_void_p,
                                          POINTER(dnn_preflight_desc)]),
    "dnn_probe": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_array), c_int32, POINTER(dnn_probe_desc)]),
    "dnn_run_create": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, POINTER(dnn_run_desc)]),
    "dnn_run_release": (dnn_status, [c_void_p]),
    "dnn_run_end": (dnn_status, [c_void_p, c_int]),
    "dnn_run_flush": (dnn_status, [c_void_p]),
    "dnn_run_folder": (c_char_p, [c_void_p]),
    "dnn_run_set_text": (dnn_status, [c_void_p, c_char_p, c_char_p]),
    "dnn_run_set_number": (dnn_status, [c_void_p, c_char_p, c_double]),
    "dnn_run_set_bool": (dnn_status, [c_void_p, c_char_p, c_int32]),
    "dnn_run_set_model": (dnn_status, [c_void_p, c_void_p]),
    "dnn_run_set_data": (dnn_status, [c_void_p, c_char_p, c_void_p, POINTER(dnn_progress)]),
    "dnn_run_log": (dnn_status, [c_void_p, c_char_p]),
    "dnn_run_add_scalar": (dnn_status, [c_void_p, c_char_p, c_int64, c_double]),
    "dnn_run_add_histogram": (dnn_status, [c_void_p, c_char_p, c_int64, c_void_p]),
    "dnn_run_add_png": (dnn_status, [c_void_p, c_char_p, c_int64, c_void_p, c_int64]),
    "dnn_run_add_text": (dnn_status, [c_void_p, c_char_p, c_int64, c_char_p]),
    "dnn_run_add_report": (dnn_status, [c_void_p, c_int64, c_void_p]),
    "dnn_run_report": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p]),
    "dnn_run_compare": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, c_char_p]),
    "dnn_bar_line": (dnn_status, [POINTER(c_char), c_int64, POINTER(dnn_bar)]),
    "dnn_search_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_search_desc)]),
    "dnn_search_release": (dnn_status, [c_void_p]),
    "dnn_search_uniform": (dnn_status, [c_void_p, c_char_p, c_double, c_double]),
    "dnn_search_log_uniform": (dnn_status, [c_void_p, c_char_p, c_double, c_double]),
    "dnn_search_integer": (dnn_status, [c_void_p, c_char_p, c_int64, c_int64]),
    "dnn_search_log_integer": (dnn_status, [c_void_p, c_char_p, c_int64, c_int64]),
    "dnn_search_choice": (dnn_status, [c_void_p, c_char_p, POINTER(c_char_p), c_int64]),
    "dnn_search_next": (dnn_status, [c_void_p, POINTER(c_int64)]),
    "dnn_search_value": (c_double, [c_void_p, c_int64, c_char_p]),
    "dnn_search_chosen": (c_char_p, [c_void_p, c_int64, c_char_p]),
    "dnn_search_tell": (dnn_status, [c_void_p, c_int64, c_int64, c_double, POINTER(c_int32)]),
    "dnn_search_trials": (c_int64, [c_void_p]),
    "dnn_search_trial": (dnn_status, [c_void_p, c_int64, POINTER(dnn_trial_info)]),
    "dnn_search_best": (dnn_status, [c_void_p, POINTER(c_int64)]),
    "dnn_search_report": (dnn_status, [POINTER(c_void_p), c_void_p]),
    "dnn_activations": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(c_void_p), c_int32, c_char_p]),
    "dnn_sheet_activations": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(c_void_p), c_int32, c_char_p,
                                           POINTER(dnn_activations_desc)]),
    "dnn_gradcam": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, POINTER(dnn_gradcam_desc)]),
    "dnn_occlusion": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, POINTER(dnn_occlusion_desc)]),
    "dnn_overlay": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, POINTER(dnn_overlay_desc)]),
    "dnn_maximise": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_maximise_desc)]),
    "dnn_sample_metric": (dnn_status, [POINTER(c_double), c_void_p, c_void_p, POINTER(dnn_metrics_desc), c_char_p]),
    "dnn_sheet_predictions": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, POINTER(dnn_predictions_desc)]),
    "dnn_strip_create": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_strip_desc)]),
    "dnn_strip_add": (dnn_status, [c_void_p, c_void_p, c_char_p]),
    "dnn_strip_picture": (dnn_status, [POINTER(c_void_p), c_void_p]),
    "dnn_strip_release": (dnn_status, [c_void_p]),
    "dnn_dataset_transform": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, POINTER(dnn_transform_desc)]),
    "dnn_dataset_draws": (c_int64, [c_void_p, c_int64, c_int64, POINTER(c_char), c_size_t]),
    "dnn_transform_chain": (dnn_status, [POINTER(c_void_p), c_void_p]),
    "dnn_transform_one_of": (dnn_status, [POINTER(c_void_p), c_void_p]),
    "dnn_transform_add": (dnn_status, [c_void_p, c_void_p]),
    "dnn_random_apply": (c_void_p, [c_void_p, c_double, c_void_p]),
    "dnn_transform_error": (dnn_status, [c_void_p]),
    "dnn_transform_text": (c_int64, [c_void_p, POINTER(c_char), c_size_t]),
    "dnn_transform_retain": (dnn_status, [c_void_p]),
    "dnn_transform_release": (dnn_status, [c_void_p]),
    "dnn_to_float": (c_void_p, [c_void_p, POINTER(dnn_to_float_desc)]),
    "dnn_transform_standardize": (c_void_p, [c_void_p, c_void_p]),
    "dnn_transform_standardize_by": (c_void_p, [c_void_p, POINTER(c_double), POINTER(c_double), c_int64]),
    "dnn_transform_preset": (c_void_p, [c_void_p, c_int]),
    "dnn_channels": (c_void_p, [c_void_p, POINTER(c_int32), c_int32]),
    "dnn_random_crop": (c_void_p, [c_void_p, POINTER(dnn_random_crop_desc)]),
    "dnn_center_crop": (c_void_p, [c_void_p, c_int64, c_int64]),
    "dnn_random_flip": (c_void_p, [c_void_p, POINTER(dnn_random_flip_desc)]),
    "dnn_resize": (c_void_p, [c_void_p, POINTER(dnn_resize_desc)]),
    "dnn_random_resized_crop": (c_void_p, [c_void_p, POINTER(dnn_random_resized_crop_desc)]),
    "dnn_random_rotation": (c_void_p, [c_void_p, POINTER(dnn_random_rotation_desc)]),
    "dnn_random_affine": (c_void_p, [c_void_p, POINTER(dnn_random_affine_desc)]),
    "dnn_random_perspective": (c_void_p, [c_void_p, POINTER(dnn_random_perspective_desc)]),
    "dnn_color_jitter": (c_void_p, [c_void_p, POINTER(dnn_color_jitter_desc)]),
    "dnn_grayscale": (c_void_p, [c_void_p, c_int64]),
    "dnn_random_blur": (c_void_p, [c_void_p, c_double, c_double]),
    "dnn_random_noise": (c_void_p, [c_void_p, c_double, c_double]),
    "dnn_random_erase": (c_void_p, [c_void_p, POINTER(dnn_random_erase_desc)]),
    "dnn_domain_randomization": (c_void_p, [c_void_p, POINTER(dnn_domain_randomization_desc)]),
    "dnn_tune_range": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_void_p, c_void_p,
                                    POINTER(dnn_tune_range_desc), POINTER(dnn_tune_range_result)]),
    "dnn_tune_sweep": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_void_p, c_void_p,
                                    POINTER(dnn_tune_sweep_desc), POINTER(dnn_tune_sweep_result)]),
    "dnn_tune_divergence": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_void_p, c_void_p,
                                         POINTER(dnn_tune_divergence_desc), POINTER(dnn_tune_divergence_result)]),
    "dnn_tune_batch": (dnn_status, [POINTER(c_void_p), c_void_p, c_void_p, c_void_p, c_void_p,
                                    POINTER(dnn_tune_batch_desc), POINTER(dnn_tune_batch_result)]),
    "dnn_memory_available": (c_int64, []),
    "dnn_dataset_split": (dnn_status, [POINTER(c_void_p), POINTER(c_void_p), c_void_p, POINTER(dnn_split_desc)]),
    "dnn_dataset_subset": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(c_int64), c_int64]),
    "dnn_dataset_first": (dnn_status, [POINTER(c_void_p), c_void_p, c_int64]),
    "dnn_dataset_filter": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_filter_desc)]),
    "dnn_dataset_concat": (dnn_status, [POINTER(c_void_p), POINTER(c_void_p), c_int64]),
    "dnn_dataset_balance": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_balance_desc)]),
    "dnn_dataset_map": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_map_desc)]),
    "dnn_dataset_windows": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_windows_desc)]),
    "dnn_dataset_mix": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_mix_desc)]),
    "dnn_dataset_with_metadata": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_metadata_desc)]),
}


DNN_IO = {
    "dnn_idx_read": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, POINTER(dnn_read_desc)]),
    "dnn_idx_dataset": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, c_char_p, POINTER(dnn_read_desc)]),
    "dnn_idx_raw_dataset": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, c_char_p, POINTER(dnn_read_desc)]),
    "dnn_npy_read": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p]),
    "dnn_npy_write": (dnn_status, [c_void_p, c_char_p, c_void_p]),
    "dnn_npy_dataset": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, c_char_p]),
    "dnn_npz_open": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, POINTER(dnn_read_desc)]),
    "dnn_npz_release": (dnn_status, [c_void_p]),
    "dnn_npz_count": (c_int64, [c_void_p]),
    "dnn_npz_name": (c_char_p, [c_void_p, c_int64]),
    "dnn_npz_tensor": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p]),
    "dnn_npz_dataset": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, c_char_p]),
    "dnn_cifar_dataset": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(c_char_p), c_int64,
                                       POINTER(dnn_cifar_desc)]),
    "dnn_text_dataset": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, POINTER(dnn_text_desc)]),
    "dnn_png_read": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, POINTER(dnn_read_desc)]),
    "dnn_png_write": (dnn_status, [c_void_p, c_char_p, c_void_p]),
    "dnn_jpeg_read": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, POINTER(dnn_read_desc)]),
    "dnn_jpeg_write": (dnn_status, [c_void_p, c_char_p, c_void_p, c_int32]),
    "dnn_image_read": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, POINTER(dnn_image_desc)]),
    "dnn_image_folder_open": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, POINTER(dnn_image_folder_desc)]),
    "dnn_image_folder_release": (dnn_status, [c_void_p]),
    "dnn_image_folder_count": (c_int64, [c_void_p]),
    "dnn_image_folder_path": (c_char_p, [c_void_p, c_int64]),
    "dnn_image_folder_skipped": (c_int64, [c_void_p]),
    "dnn_image_folder_skipped_path": (c_char_p, [c_void_p, c_int64, POINTER(c_char_p)]),
    "dnn_image_folder_dataset": (dnn_status, [POINTER(c_void_p), c_void_p]),
    "dnn_report_write_html": (dnn_status, [c_void_p, c_char_p, c_void_p, c_char_p]),
    "dnn_run_add_image": (dnn_status, [c_void_p, c_void_p, c_char_p, c_int64, c_void_p]),
    "dnn_run_write_html": (dnn_status, [c_void_p, c_char_p, c_char_p, c_void_p]),
    "dnn_csv_open": (dnn_status, [POINTER(c_void_p), c_void_p, c_char_p, POINTER(dnn_csv_desc)]),
    "dnn_table_release": (dnn_status, [c_void_p]),
    "dnn_table_rows": (c_int64, [c_void_p]),
    "dnn_table_columns": (c_int64, [c_void_p]),
    "dnn_table_column": (dnn_status, [c_void_p, c_int64, POINTER(dnn_column_info)]),
    "dnn_table_find": (dnn_status, [c_void_p, c_char_p, POINTER(c_int64)]),
    "dnn_table_class_name": (c_char_p, [c_void_p, c_int64, c_int64]),
    "dnn_table_text": (dnn_status, [c_void_p, c_int64, c_int64, POINTER(c_char), c_size_t]),
    "dnn_table_dataset": (dnn_status, [POINTER(c_void_p), c_void_p, POINTER(dnn_table_dataset_desc)]),
}
