"""The audit: what is wrong with a data set, before the first step.

    report = dnn.audit(train, test)
    print(report)
    report.find("duplicates-across-split").samples
"""
import ctypes

import numpy as np

from . import _abi as abi
from ._handle import created
from ._library import lib
from ._progress import progress as _progress
from ._structs import describe
from .report import Report
from .tensors import as_tensor

_SKIPS = {"neighbours": abi.dnn_audit_skip.DNN_AUDIT_NO_NEIGHBOURS,
          "variants": abi.dnn_audit_skip.DNN_AUDIT_NO_VARIANTS,
          "sheets": abi.dnn_audit_skip.DNN_AUDIT_NO_SHEETS}


def audit(train, test=None, *, train_name=None, test_name=None, low=None, high=None, classes=None, features=None,
          probabilities=None, k=None, max_samples=None, seed=None, skip=(), progress=None):
    """Audits a dataset, and a test set against it: a Report with pictures of suspects beside their neighbours.

    low, high: between which inputs are to lie (default: what the dataset declares). features: a module among whose
    outputs neighbours are searched, instead of among pixels. probabilities: (n, K), what a model that was not trained
    on sample i says of its classes; label errors are found by them. k: neighbours (10). max_samples: of each set, drawn
    at random with `seed`, whose neighbours are searched (20000). skip: any of "neighbours", "variants", "sheets".
    progress: a function of (what, done, total), which ends the audit by raising.
    """
    desc = describe(abi.dnn_audit_desc, train_name=train_name, test_name=test_name, low=low, high=high, classes=classes,
                    k=k, max_samples=max_samples, seed=seed, skip=sum(_SKIPS[s] for s in set(skip)))
    kept = None
    if probabilities is not None:
        kept = as_tensor(np.asarray(probabilities), train.ctx)
        desc.probabilities = kept._as_parameter_
    if features is not None:
        desc.features = features._as_parameter_
    desc.progress = struct = _progress(progress)
    report = Report(created(lib.dnn_audit, train, test, ctypes.byref(desc)), train.ctx)
    del kept, struct
    return report
