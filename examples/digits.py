"""A small CNN learns digits that are drawn by code: the loop is ours, the mathematics libdnn's.

    digits.py [--quick]
"""
import sys

import dnn

quick = "--quick" in sys.argv[1:]
rates = [2e-3] if quick else [1e-3, 1e-3, 1e-3, 3e-4, 1e-4]  # one for each epoch
train, test = dnn.digits(6400 if quick else 20000), dnn.digits(2000, first=20000)

dnn.seed(1)
net = dnn.Sequential(
    dnn.conv2d(1, 16, 3, padding=1), dnn.relu(), dnn.max_pool2d(2),
    dnn.conv2d(16, 32, 3, padding=1), dnn.relu(), dnn.max_pool2d(2),
    dnn.flatten(), dnn.linear(7 * 7 * 32, 128), dnn.relu(), dnn.dropout(0.25), dnn.linear(128, 10))
loss, opt = dnn.cross_entropy(), dnn.adam(net)
print(net.describe((64, 28, 28, 1)))

loader = dnn.Loader(train, 64, shuffle=True)
for opt.lr in rates:
    total = 0.0
    for x, target in loader:
        opt.zero_grad()
        value, dy = loss(net(x), target)
        net.backward(dy)
        opt.step()
        total += value
    print(f"epoch {loader.epoch}: loss {total / len(loader):.4f}")

predict = dnn.Predictor(net)
right = sum((predict(x).numpy().argmax(axis=1) == target.numpy()).sum() for x, target in dnn.Loader(test, 200))
print(f"{len(test)} digits that it has not seen: {100 * right / len(test):.2f} % right")
sys.exit(int(right < (0.8 if quick else 0.98) * len(test)))
