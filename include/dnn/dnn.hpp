/* libdnn for C++17: handles that release themselves, and statuses that become exceptions. Nothing more: every function
 * is called as in C.
 *
 *     dnn::context ctx = dnn::make<dnn_context_create>(nullptr);
 *     dnn::module net = dnn::make<dnn_sequential_create>(ctx.get());
 *     dnn::check(dnn_sequential_add(net.get(), "fc", dnn_linear(ctx.get(), &desc)));
 *
 * A dnn::handle owns one hold on its object and moves, as std::unique_ptr does. Lent pointers stay plain pointers. */
#ifndef DNN_DNN_HPP
#define DNN_DNN_HPP

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "dnn.h"

namespace dnn {

/* A call that failed: what() is dnn_last_error()'s line. */
class error : public std::runtime_error {
public:
    explicit error(dnn_status status) : std::runtime_error(dnn_last_error()), status_(status) {}
    dnn_status status() const noexcept { return status_; }

private:
    dnn_status status_;
};

/* Returns normally on DNN_OK, and on DNN_END; throws dnn::error otherwise. */
inline dnn_status check(dnn_status status) {
    if (status != DNN_OK && status != DNN_END) throw error(status);
    return status;
}

/* For functions that return a handle, or NULL on failure. */
template <typename T>
T *check(T *handle) {
    if (!handle) throw error(dnn_last_status());
    return handle;
}

template <auto Release>
struct releaser {
    template <typename T>
    void operator()(T *object) const noexcept {
        Release(object);
    }
};

template <typename T, auto Release>
using handle = std::unique_ptr<T, releaser<Release>>;

using context = handle<dnn_context, dnn_context_release>;
using tensor = handle<dnn_tensor, dnn_tensor_release>;
using module = handle<dnn_module, dnn_module_release>;
using predictor = handle<dnn_predictor, dnn_predictor_release>;
using description = handle<dnn_description, dnn_description_release>;
using loss = handle<dnn_loss, dnn_loss_release>;
using optimizer = handle<dnn_optimizer, dnn_optimizer_release>;
using dataset = handle<dnn_dataset, dnn_dataset_release>;
using loader = handle<dnn_loader, dnn_loader_release>;
using statistics = handle<dnn_statistics, dnn_statistics_release>;
using transform = handle<dnn_transform, dnn_transform_release>;
using check_report = handle<dnn_check_report, dnn_check_report_release>;
using archive = handle<dnn_archive, dnn_archive_release>;
using report = handle<dnn_report, dnn_report_release>;
using run = handle<dnn_run, dnn_run_release>;
using summary = handle<dnn_summary, dnn_summary_release>;
using schedule = handle<dnn_schedule, dnn_schedule_release>;
using average = handle<dnn_average, dnn_average_release>;
using metrics = handle<dnn_metrics, dnn_metrics_release>;
using monitor = handle<dnn_monitor, dnn_monitor_release>;
using search = handle<dnn_search, dnn_search_release>;
using strip = handle<dnn_strip, dnn_strip_release>;

namespace detail {

template <typename T>
struct owner;
template <> struct owner<dnn_context> { using type = context; };
template <> struct owner<dnn_tensor> { using type = tensor; };
template <> struct owner<dnn_module> { using type = module; };
template <> struct owner<dnn_predictor> { using type = predictor; };
template <> struct owner<dnn_description> { using type = description; };
template <> struct owner<dnn_loss> { using type = loss; };
template <> struct owner<dnn_optimizer> { using type = optimizer; };
template <> struct owner<dnn_dataset> { using type = dataset; };
template <> struct owner<dnn_loader> { using type = loader; };
template <> struct owner<dnn_statistics> { using type = statistics; };
template <> struct owner<dnn_transform> { using type = transform; };
template <> struct owner<dnn_check_report> { using type = check_report; };
template <> struct owner<dnn_archive> { using type = archive; };
template <> struct owner<dnn_report> { using type = report; };
template <> struct owner<dnn_run> { using type = run; };
template <> struct owner<dnn_summary> { using type = summary; };
template <> struct owner<dnn_schedule> { using type = schedule; };
template <> struct owner<dnn_average> { using type = average; };
template <> struct owner<dnn_metrics> { using type = metrics; };
template <> struct owner<dnn_monitor> { using type = monitor; };
template <> struct owner<dnn_search> { using type = search; };
template <> struct owner<dnn_strip> { using type = strip; };

template <typename F>
struct first_argument;
template <typename T, typename... Rest>
struct first_argument<dnn_status (*)(T **, Rest...)> {
    using type = T;
};

} // namespace detail

/* Calls a constructor whose first parameter is `T **out`, and owns what comes out. */
template <auto Create, typename... Arguments>
auto make(Arguments &&...arguments) {
    using T = typename detail::first_argument<decltype(Create)>::type;
    T *object = nullptr;
    check(Create(&object, std::forward<Arguments>(arguments)...));
    return typename detail::owner<T>::type(object);
}

/* A descriptor with its size set and all fields at their defaults: auto d = dnn::desc<dnn_linear_desc>(); */
template <typename Desc>
Desc desc() {
    Desc d{};
    d.size = sizeof(Desc);
    return d;
}

} // namespace dnn

#endif
