#include <dnn/base.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

int32_t dnn_version(void) { return DNN_VERSION_NUMBER; }

const char *dnn_version_string(void) {
    return TEXT(DNN_VERSION_MAJOR) "." TEXT(DNN_VERSION_MINOR) "." TEXT(DNN_VERSION_PATCH);
}
