// A C++ program outside the tree: the installed C++ header compiles, and the library behind it runs.
#include <dnn/dnn.hpp>

#include <cstdio>

int main() {
    dnn_context *ctx = nullptr;
    if (dnn_context_create(&ctx, nullptr) != DNN_OK) return 1;
    std::printf("libdnn %s: %s\n", dnn_version_string(), dnn_context_describe(ctx));
    dnn_context_release(ctx);
    return dnn_version() == DNN_VERSION_NUMBER ? 0 : 1;
}
