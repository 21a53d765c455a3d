#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace halcyon::tests {

/// Asks `done` every few milliseconds until it says yes, for at most `bound`; whether it did.
bool wait_until(const std::function<bool()>& done, std::chrono::milliseconds bound);

/// A program of ours, started by a test. Its output goes to a file. What is still running at the
/// end is killed, by process id.
class Process {
 public:
  /// `arguments`: the program's path first.
  Process(const std::vector<std::string>& arguments, const std::string& output_file);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void terminate() const;  ///< SIGTERM
  void signal(int number) const;
  void kill();  ///< SIGKILL, and waits for its end
  bool is_running();
  pid_t pid() const { return pid_; }
  /// The exit code (128 + signal when it was killed); empty when it has not ended within `bound`.
  std::optional<int> wait(std::chrono::milliseconds bound);

 private:
  pid_t pid_ = -1;
  std::optional<int> code_;
};

/// Sends one line to a Unix socket and returns the line that comes back. Throws std::runtime_error
/// when nobody listens or no answer comes within ten seconds.
std::string ask(const std::string& socket, const std::string& line);

/// The file's text; empty when there is none.
std::string text_of(const std::string& file);

}  // namespace halcyon::tests
