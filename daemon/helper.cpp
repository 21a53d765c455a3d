#include "daemon/helper.h"

#include <thread>
#include <utility>

namespace halcyon::daemon {

namespace transport = gateways::transport;

Helper::Helper(transport::Trust trust, gateways::Endpoint rest_host, const transport::Clock& clock,
               TaskLane::Reader tasks, ResultLane::Writer results, Waker* waker, int cancel_fd)
    : trust_(trust),
      clock_(clock),
      rest_host_(std::move(rest_host)),
      rest_(std::move(trust)),
      tasks_(std::move(tasks)),
      results_(std::move(results)),
      waker_(waker),
      cancel_fd_(cancel_fd) {}

bool Helper::run_once() {
  if (!tasks_.try_pop(task_)) return false;
  if (const auto* connect = std::get_if<ConnectTask>(&task_)) {
    ConnectResult result;
    result.is_second = connect->is_second;
    result.connection = transport::Connection::open(
        connect->endpoint, trust_, transport::Deadline::after(connect_time_out, cancel_fd_),
        result.failure);
    finish(std::move(result));
  } else if (auto* request = std::get_if<gateways::RestRequest>(&task_)) {
    if (request->sign != nullptr) request->sign(request->signer.get(), *request, clock_.now());
    auto answer = rest_.execute(rest_host_, *request,
                                transport::Deadline::after(rest_time_out, cancel_fd_), clock_);
    if (seen_) seen_(*request, answer);
    finish(std::move(answer));
  } else if (std::holds_alternative<LineTask>(task_)) {
    LineResult result;
    result.stream = transport::TlsStream::connect(
        rest_host_, trust_, transport::Deadline::after(connect_time_out, cancel_fd_), result.error);
    finish(std::move(result));
  } else if (const auto* chore = std::get_if<gateways::Chore>(&task_)) {
    gateways::RestAnswer answer;
    answer.tag = chore->tag;
    chore->run(chore->context.get(), answer);
    finish(std::move(answer));
  }
  task_ = std::monostate{};
  return true;
}

void Helper::finish(HelperResult result) {
  HALCYON_CHECK(results_.try_push(std::move(result)),
                "the driver takes answers before it asks more than fit");
  if (waker_ != nullptr) waker_->wake();
}

}  // namespace halcyon::daemon
