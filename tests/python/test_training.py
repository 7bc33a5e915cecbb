"""Networks train; what Python computes is what C computes, bit for bit."""
import numpy as np
import pytest

import dnn

PROGRAM = r"""
#include <dnn/dnn.h>
#include <stdio.h>
int main(void) {
    dnn_context *ctx; dnn_module *net; dnn_loss *loss; dnn_optimizer *opt; dnn_dataset *digits; dnn_loader *loader;
    const dnn_tensor *x, *target, *y, *dy;
    double value;
    dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .seed = 5, .threads = 2});
    dnn_sequential_create(&net, ctx);
    dnn_sequential_add(net, "conv", dnn_conv2d(ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = 1,
        .out_channels = 4, .kernel = {3, 5}, .stride = {2}, .pad = {1, 1, 2, 2}, .no_bias = 1}));
    dnn_sequential_add(net, "norm", dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc),
        .features = 4}));
    dnn_sequential_add(net, "gelu", dnn_gelu(ctx, DNN_GELU_TANH));
    dnn_sequential_add(net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(net, "dropout", dnn_dropout(ctx, 0.1));
    dnn_sequential_add(net, "fc", dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 256,
        .out_features = 10}));
    dnn_cross_entropy_create(&loss, ctx, &(dnn_cross_entropy_desc){DNN_SIZED(dnn_cross_entropy_desc),
        .label_smoothing = 0.1});
    dnn_sgd_create(&opt, net, &(dnn_sgd_desc){DNN_SIZED(dnn_sgd_desc), .lr = 0.05, .momentum = 0.9, .nesterov = 1});
    dnn_digits(&digits, ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = 200, .image_size = 16});
    dnn_loader_create(&loader, digits, &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = 32, .shuffle = 1});
    while (dnn_loader_next(loader, &x, &target) == DNN_OK) {
        dnn_optimizer_zero_grad(opt);
        dnn_module_forward(net, x, &y);
        dnn_loss_evaluate(loss, y, target, &value, &dy);
        dnn_module_backward(net, dy, NULL);
        dnn_optimizer_step(opt);
        printf("%a\n", value);
    }
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    for (int64_t i = 0; dnn_module_parameter_at(net, i, &p) == DNN_OK; i++)
        for (int64_t k = 0; k < dnn_tensor_count(p.value); k++)
            printf("%a\n", (double)((const float *)dnn_tensor_const_data(p.value))[k]);
    return 0;
}
"""


def train_step(net, loss, opt, x, target):
    opt.zero_grad()
    value, dy = loss(net(x), target)
    net.backward(dy)
    opt.step()
    return value


def test_xor(nothing_left):
    dnn.seed(1)
    x = np.float32([[0, 0], [0, 1], [1, 0], [1, 1]])
    target = np.float32([[0], [1], [1], [0]])
    net = dnn.Sequential(hidden=dnn.linear(2, 8), tanh=dnn.tanh(), out=dnn.linear(8, 1))
    loss, opt = dnn.bce_with_logits(), dnn.adam(net, lr=0.05)
    values = [train_step(net, loss, opt, x, target) for _ in range(201)]
    assert values[-1] < 0.05 < values[0]
    assert (dnn.Predictor(net)(x).numpy() > 0).astype(int).ravel().tolist() == [0, 1, 1, 0]


def test_training_equals_c_bit_for_bit(compile_and_run):
    ctx = dnn.Context(seed=5, threads=1)
    net = dnn.Sequential(ctx=ctx)
    net.add(dnn.conv2d(1, 4, (3, 5), stride=2, pad=(1, 1, 2, 2), bias=False, ctx=ctx), "conv")
    net.add(dnn.batch_norm(4, ctx=ctx), "norm").add(dnn.gelu("tanh", ctx=ctx), "gelu")
    net.add(dnn.flatten(ctx=ctx), "flatten").add(dnn.dropout(0.1, ctx=ctx), "dropout")
    net.add(dnn.linear(256, 10, ctx=ctx), "fc")
    loss = dnn.cross_entropy(label_smoothing=0.1, ctx=ctx)
    opt = dnn.sgd(net, lr=0.05, momentum=0.9, nesterov=True)
    loader = dnn.Loader(dnn.digits(200, image_size=16, ctx=ctx), 32, shuffle=True)
    numbers = [train_step(net, loss, opt, x, target) for x, target in loader]
    for value in net.state().values():
        numbers += value.ravel().tolist()
    assert [float.fromhex(line) for line in compile_and_run(PROGRAM).split()] == numbers


@pytest.mark.parametrize("make", [dnn.sgd, dnn.adam, dnn.adamw])
def test_optimizers(make, ctx):
    net = dnn.Sequential(dnn.linear(3, 4, ctx=ctx), dnn.tanh(ctx=ctx), dnn.linear(4, 1, ctx=ctx))
    opt, loss = make(net, lr=0.01), dnn.mse(ctx=ctx)
    group = opt.group("*.bias", lr_factor=0.0, weight_decay=0)
    before = net.state()
    x, target = np.ones((2, 3), np.float32), np.zeros((2, 1), np.float32)
    opt.clip_norm(1e-3)
    train_step(net, loss, opt, x, target)
    after = net.state()
    assert opt.steps == 1 and opt.gradient_norm > 0
    assert np.array_equal(before["0.bias"], after["0.bias"])
    assert not np.array_equal(before["0.weight"], after["0.weight"])
    assert (opt.groups[group].pattern, opt.groups[group].lr, opt.groups[group].parameters) == ("*.bias", 0, 2)
    opt.lr = 0.5
    assert opt.lr == 0.5 and opt.groups[0].lr == 0.5
    opt.set_group(group, lr_factor=2)
    assert opt.groups[group].lr == 1
    assert opt.state()["", "steps"].item() == 1
    with pytest.raises(dnn.NotFoundError, match="nothing"):
        opt.group("nothing")


def test_losses(ctx):
    y, t = np.float32([[1, 2], [3, 5]]), np.float32([[0, 2], [4, 1]])
    assert dnn.mse(ctx=ctx)(y, t)[0] == pytest.approx(np.mean((y - t) ** 2))
    assert dnn.l1(reduction="sum", ctx=ctx).value(y, t) == pytest.approx(6)
    none = dnn.huber("none", delta=2, ctx=ctx)
    value, dy = none(y, t)
    assert none.values().numpy().tolist() == [[0.5, 0], [0.5, 6]] and value == 7
    assert dy.numpy().tolist() == [[1, 0], [-1, 2]]
    labels = dnn.cross_entropy(class_weights=[1, 3], ignore_index=-1, ctx=ctx)
    assert labels.value(y, np.int64([1, -1])) == pytest.approx(np.log(1 + np.exp(-1)))
    assert dnn.bce_with_logits(pos_weight=2, ctx=ctx).value([0.0], [1.0]) == pytest.approx(2 * np.log(2))
    with pytest.raises(dnn.ShapeError, match=r"\[2,2\]"):
        dnn.mse(ctx=ctx)(y, t[:, :1])
    with pytest.raises(dnn.InvalidValueError):
        labels(y, np.int64([0, 2]))


def test_a_rate_of_zero_is_meant(ctx):
    net = dnn.Sequential(dnn.linear(2, 1, ctx=ctx))
    assert dnn.adam(net).lr == 1e-3 and dnn.adam(net, lr=0).lr == 0


def test_the_log_hears_what_was_forgotten():
    lines = []
    with dnn.Context(log=lambda level, line: lines.append((level, line))) as ctx:
        net = dnn.Sequential(dnn.linear(2, 1, ctx=ctx))
        opt, loss = dnn.sgd(net), dnn.mse(ctx=ctx)
        for _ in range(2):
            net.backward(loss(net(np.ones((1, 2), np.float32)), np.ones((1, 1), np.float32))[1])
        opt.step()
    assert len(lines) == 1 and lines[0][0] == 30 and "backward" in lines[0][1]


def test_closures():
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))
    net, loss = dnn.linear(3, 1), dnn.mse()
    net.to("float64")
    opt, calls = dnn.lbfgs(net, strong_wolfe=True), []

    def closure():
        opt.zero_grad()
        value, dy = loss(net(x), target)
        net.backward(dy)
        calls.append(value)
        return value

    first = opt.step(closure)
    assert first == calls[0] and len(calls) > 2
    wide = np.hstack([x, np.ones((20, 1))])
    best = np.mean((wide @ np.linalg.lstsq(wide, target, rcond=None)[0] - target) ** 2)
    assert closure() == pytest.approx(best, rel=1e-9)
    assert ("", "moves") in opt.state()
    with pytest.raises(dnn.StateError, match="step_closure"):
        opt.step()
    with pytest.raises(ZeroDivisionError):
        try:
            opt.step(lambda: 1 / 0)
        except dnn.Error as error:
            raise error.__cause__
    adam = dnn.adam(net)
    assert adam.step(closure) == calls[-1] and adam.steps == 1
