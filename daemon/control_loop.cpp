#include "daemon/control_loop.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "domain/enum_name.h"

namespace halcyon::daemon {

namespace {

AdminHooks admin_hooks(const ControlHooks& hooks) {
  AdminHooks admin = hooks.admin;
  if (!admin.engine_time) admin.engine_time = hooks.now;
  return admin;
}

}  // namespace

ControlLoop::ControlLoop(const config::Config& config, ControlHooks hooks)
    : config_(config),
      hooks_(std::move(hooks)),
      model_(config.daemon.name),
      methods_(config, model_, admin_hooks(hooks_), real_time()),
      admin_(config.admin, methods_),
      http_(config.metrics.listen, {{"/metrics", [this] { return metrics(); }},
                                    {"/healthz", [this] { return healthz(); }},
                                    {"/readyz", [this] { return readyz(); }}}) {
  if (hooks_.begin) hooks_.begin(model_);
}

void ControlLoop::catch_up() {
  do {
    tail();
  } while (is_behind_);
}

std::size_t ControlLoop::run_once(domain::Duration max_wait) {
  descriptors_.clear();
  domain::Timestamp now = real_time();
  admin_.watch(descriptors_, now);
  http_.watch(descriptors_, now);
  int wait_ms = admin_.is_waiting() ? waiting_poll_ms : idle_poll_ms;
  const auto asked = std::chrono::ceil<std::chrono::milliseconds>(max_wait).count();
  if (asked < wait_ms) wait_ms = static_cast<int>(std::max<std::int64_t>(asked, 0));
  if (is_behind_ || admin_.has_work() || http_.has_work()) wait_ms = 0;
  if (::poll(descriptors_.data(), descriptors_.size(), wait_ms) < 0) {
    // Interrupted, or no memory: nothing is ready then, and the next turn asks again.
    for (::pollfd& descriptor : descriptors_) descriptor.revents = 0;
  }
  now = real_time();
  // The journal first, so that answers are as fresh as can be.
  std::size_t handled = tail();
  handled += admin_.turn(descriptors_, now);
  handled += http_.turn(descriptors_, now);
  return handled;
}

std::size_t ControlLoop::tail() {
  std::size_t frames = 0;
  is_behind_ = false;
  if (!hooks_.next_frame || !journal_error_.empty()) return frames;
  try {
    persistence::FrameView frame;
    while (frames < max_frames_per_turn && hooks_.next_frame(frame)) {
      model_.apply(frame);
      ++frames;
    }
  } catch (const persistence::JournalError& error) {
    journal_error_ = error.what();
  }
  is_behind_ = frames == max_frames_per_turn;
  return frames;
}

HttpAnswer ControlLoop::metrics() const {
  MetricsView view{model_, config_, methods_.counts(), {}, {}};
  if (hooks_.samples) view.samples = hooks_.samples();
  if (hooks_.stages) view.stages = hooks_.stages();
  return {200, print_metrics(view), metrics_content_type};
}

HttpAnswer ControlLoop::healthz() const {
  if (!journal_error_.empty()) {
    return {503, fmt::format("the journal cannot be followed: {}\n", journal_error_)};
  }
  if (hooks_.engine_turns && !hooks_.engine_turns()) {
    return {503, "the engine has not turned for seconds; see the log and `halcyonctl latency`\n"};
  }
  return {200, "ok\n"};
}

HttpAnswer ControlLoop::readyz() const {
  std::string waiting;
  for (const config::Account& account : config_.accounts) {
    const auto id = model_.catalog().find_account(account.name);
    const auto ready = id ? model_.accounts_ready().find(*id) : model_.accounts_ready().end();
    const bool is_heard = ready != model_.accounts_ready().end();
    if (is_heard && ready->second.what.ready) continue;
    waiting += waiting.empty() ? "not reconciled: " : ", ";
    waiting += account.name;
    if (is_heard && ready->second.what.reason != domain::Reason::none) {
      waiting += fmt::format(" ({})", domain::enum_name(ready->second.what.reason));
    }
  }
  if (!waiting.empty()) waiting += '\n';
  if (const std::string trouble = hooks_.trouble ? hooks_.trouble() : ""; !trouble.empty()) {
    waiting += "no new orders: " + trouble + '\n';
  }
  if (!waiting.empty()) return {503, waiting};
  return {200, "ready\n"};
}

}  // namespace halcyon::daemon
