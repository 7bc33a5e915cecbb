// libdnn inside a C++17 program: a class that owns a network and learns a curve, with dnn/dnn.hpp for the handles.
#include <dnn/dnn.hpp>

#include <cmath>
#include <cstdio>
#include <vector>

class CurveFitter {
public:
    CurveFitter() {
        add("in", linear(1, 32));
        add("tanh1", dnn_tanh(ctx_.get()));
        add("mid", linear(32, 32));
        add("tanh2", dnn_tanh(ctx_.get()));
        add("out", linear(32, 1));
        auto adam = dnn::desc<dnn_adam_desc>();
        adam.lr = 0.01;
        optimizer_ = dnn::make<dnn_adam_create>(net_.get(), &adam);
        loss_ = dnn::make<dnn_mse_create>(ctx_.get(), nullptr);
    }

    // One step on all points; returns the loss before it.
    double step(std::vector<float> &x, std::vector<float> &y) {
        dnn::tensor inputs = column(x), targets = column(y);
        const dnn_tensor *out = nullptr, *gradient = nullptr;
        double value = 0;
        dnn::check(dnn_optimizer_zero_grad(optimizer_.get()));
        dnn::check(dnn_module_forward(net_.get(), inputs.get(), &out));
        dnn::check(dnn_loss_evaluate(loss_.get(), out, targets.get(), &value, &gradient));
        dnn::check(dnn_module_backward(net_.get(), gradient, nullptr));
        dnn::check(dnn_optimizer_step(optimizer_.get()));
        return value;
    }

    // A mistake on purpose: the network takes one number for each point, not two.
    std::string provoke() {
        std::vector<float> wrong(8);
        const int64_t dims[] = {4, 2};
        dnn::tensor x = dnn::make<dnn_tensor_wrap>(ctx_.get(), DNN_F32, 2, dims, wrong.data(), nullptr, nullptr);
        const dnn_tensor *y = nullptr;
        try {
            dnn::check(dnn_module_forward(net_.get(), x.get(), &y));
        } catch (const dnn::error &e) {
            return e.what();
        }
        return "";
    }

private:
    dnn_module *linear(int64_t in, int64_t out) {
        auto d = dnn::desc<dnn_linear_desc>();
        d.in_features = in;
        d.out_features = out;
        return dnn_linear(ctx_.get(), &d);
    }

    void add(const char *name, dnn_module *layer) { dnn::check(dnn_sequential_add(net_.get(), name, layer)); }

    dnn::tensor column(std::vector<float> &values) {
        const int64_t dims[] = {static_cast<int64_t>(values.size()), 1};
        return dnn::make<dnn_tensor_wrap>(ctx_.get(), DNN_F32, 2, dims, values.data(), nullptr, nullptr);
    }

    dnn::context ctx_ = dnn::make<dnn_context_create>(nullptr);
    dnn::module net_ = dnn::make<dnn_sequential_create>(ctx_.get());
    dnn::optimizer optimizer_;
    dnn::loss loss_;
};

int main() try {
    std::vector<float> x, y;
    for (int i = 0; i < 64; i++) {
        x.push_back(static_cast<float>(i) / 32 - 1);
        y.push_back(std::sin(3 * x.back()));
    }
    CurveFitter fitter;
    double first = fitter.step(x, y), last = first;
    for (int i = 0; i < 400; i++) last = fitter.step(x, y);
    std::printf("sin(3x), 64 points: loss %.4f, after 400 steps %.6f\n", first, last);

    std::string reason = fitter.provoke();
    std::printf("a wrong call says: %s\n", reason.c_str());
    return last < 0.001 && !reason.empty() ? 0 : 1;
} catch (const dnn::error &e) {
    std::fprintf(stderr, "%s: %s\n", dnn_status_name(e.status()), e.what());
    return 1;
}
