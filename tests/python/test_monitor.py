"""Where a NaN comes from."""
import numpy as np

import dnn


def test_autopsy(tmp_path):
    net = dnn.Sequential(dnn.linear(3, 4), dnn.relu(), dnn.linear(4, 2))
    x = np.ones((5, 3), np.float32)
    assert dnn.autopsy(net, x).findings == []
    x[2, 1] = np.inf
    found = dnn.autopsy(net, x, replay=tmp_path / "replay").find("not-finite-input")
    assert found.samples == [2] and (tmp_path / "replay").exists()
    net.parameters()[0].value.numpy()[0, 0] = np.nan
    x[2, 1] = 0
    assert dnn.autopsy(net, x).find("not-finite-parameter").set == "0.weight"
