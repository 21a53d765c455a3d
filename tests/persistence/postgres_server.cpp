#include "tests/persistence/postgres_server.h"

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace halcyon::tests {

namespace {

constexpr const char* programs = "/usr/lib/postgresql/15/bin/";
/// A cluster that has not answered within this is broken; a healthy one needs well under a second.
constexpr std::chrono::seconds start_patience{60};
constexpr std::chrono::seconds stop_patience{60};
constexpr std::chrono::milliseconds look_again{5};

[[noreturn]] void fail(const std::string& words) { throw std::runtime_error("postgres: " + words); }

/// Who the server runs as: ourselves, or an unprivileged user when we are root.
std::optional<passwd> other_user() {
  if (::geteuid() != 0) return std::nullopt;
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* user = ::getpwnam(name)) return *user;
  }
  fail("root, and there is neither a user postgres nor nobody to run it as");
}

/// Starts a program in `directory` as that user, its output appended to the log.
pid_t spawn(const std::vector<std::string>& arguments, const std::string& directory) {
  const auto user = other_user();
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const std::string log = directory + "/log";
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child > 0) return child;
  // Only what is safe behind a fork from here on: nothing that allocates or locks.
  if (user && (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 ||
               ::setuid(user->pw_uid) != 0)) {
    ::_exit(126);
  }
  // A program that is killed takes its server along.
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (::getppid() != parent || ::chdir(directory.c_str()) != 0) ::_exit(126);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int in = ::open("/dev/null", O_RDONLY);
  if (out < 0 || in < 0) ::_exit(126);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(out, 2);
  ::setpgid(0, 0);  // a Ctrl-C is for the test, which then stops the server in order
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

/// Waits until `done`, looking every few milliseconds; false: not within `patience`.
template <class Done>
bool wait_until(std::chrono::seconds patience, Done done) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, static_cast<int>(look_again.count()));
  }
  return true;
}

struct Closer {
  void operator()(PGconn* connection) const { PQfinish(connection); }
  void operator()(PGresult* result) const { PQclear(result); }
};

}  // namespace

/// The thread that starts the server's process. It lives as long as the server should: the kernel's
/// "parent has died" signal is sent when the thread that forked ends, not the program.
class PostgresServer::Starter {
 public:
  Starter() : thread_([this](const std::stop_token& stop) { run(stop); }) {}

  pid_t start(const std::vector<std::string>& arguments, const std::string& directory) {
    std::packaged_task<pid_t()> task([&] { return spawn(arguments, directory); });
    auto started = task.get_future();
    {
      const std::lock_guard lock{mutex_};
      task_ = std::move(task);
    }
    wake_.notify_one();
    return started.get();
  }

 private:
  void run(const std::stop_token& stop) {
    std::unique_lock lock{mutex_};
    while (wake_.wait(lock, stop, [this] { return task_.valid(); })) {
      std::packaged_task<pid_t()> task = std::move(task_);
      task_ = {};
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::packaged_task<pid_t()> task_;
  std::jthread thread_;
};

PostgresServer::PostgresServer(const std::vector<std::string>& settings)
    : starter_(std::make_unique<Starter>()) {
  std::string pattern = (std::filesystem::temp_directory_path() / "halcyon-pg-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) fail("no directory under the temporary directory");
  directory_ = pattern;
  if (const auto user = other_user();
      user && ::chown(directory_.c_str(), user->pw_uid, user->pw_gid) != 0) {
    fail("chown " + directory_);
  }
  const pid_t initdb =
      starter_->start({std::string{programs} + "initdb", "-D", directory_ + "/data", "-U",
                       "halcyon", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"},
                      directory_);
  int status = 0;
  if (::waitpid(initdb, &status, 0) != initdb || status != 0) {
    const std::string words = "initdb failed: " + log();
    std::filesystem::remove_all(directory_);
    fail(words);
  }
  std::ofstream conf(directory_ + "/data/postgresql.conf", std::ios::app);
  conf << "listen_addresses = ''\n"
       << "unix_socket_directories = '" << directory_ << "'\n"
       << "max_connections = 40\n"
       << "shared_buffers = '32MB'\n"
       << "fsync = off\n"
       << "autovacuum = off\n"
       << "log_line_prefix = '%m [%p] '\n";
  for (const std::string& line : settings) conf << line << "\n";
  conf.close();
  start();
}

PostgresServer::~PostgresServer() {
  try {
    thaw();
    stop_fast();
  } catch (const std::exception&) {
    kill_hard();
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

std::string PostgresServer::dsn(std::string_view database) const {
  return "host=" + directory_ + " user=halcyon dbname=" + std::string{database};
}

std::string PostgresServer::new_database() {
  const std::string name = "test_" + std::to_string(++databases_);
  query(dsn(), "CREATE DATABASE " + name);
  return dsn(name);
}

void PostgresServer::start() {
  postmaster_ =
      starter_->start({std::string{programs} + "postgres", "-D", directory_ + "/data"}, directory_);
  const bool answers = wait_until(start_patience, [&] {
    if (::waitpid(postmaster_, nullptr, WNOHANG) == postmaster_) {
      postmaster_ = -1;
      fail("the server ended at its start: " + log());
    }
    return PQping(dsn().c_str()) == PQPING_OK;
  });
  if (!answers) {
    kill_hard();
    fail("the server does not answer: " + log());
  }
}

std::vector<pid_t> PostgresServer::processes() const {
  std::vector<pid_t> found;
  if (postmaster_ <= 0) return found;
  found.push_back(postmaster_);
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "stat");
    std::string stat;
    if (!std::getline(file, stat)) continue;  // it ended meanwhile
    // "pid (name) state parent ...", and the name may hold anything.
    const std::size_t behind_name = stat.rfind(')');
    if (behind_name == std::string::npos) continue;
    std::istringstream rest(stat.substr(behind_name + 1));
    std::string state;
    pid_t parent = 0;
    if (rest >> state >> parent && parent == postmaster_) found.push_back(std::stoi(name));
  }
  return found;
}

void PostgresServer::stop_fast() {
  if (postmaster_ <= 0) return;
  ::kill(postmaster_, SIGINT);
  if (!wait_until(stop_patience,
                  [&] { return ::waitpid(postmaster_, nullptr, WNOHANG) == postmaster_; })) {
    kill_hard();
    fail("the server did not stop: " + log());
  }
  postmaster_ = -1;
}

void PostgresServer::kill_hard() {
  if (postmaster_ <= 0) return;
  // The postmaster is stopped first, so that it starts nobody while we look.
  ::kill(postmaster_, SIGSTOP);
  const std::vector<pid_t> all = processes();
  for (const pid_t process : all) ::kill(process, SIGKILL);
  ::waitpid(postmaster_, nullptr, 0);
  postmaster_ = -1;
  // The others are not our children; the directory may be used again when they are gone.
  wait_until(stop_patience, [&] {
    for (const pid_t process : all) {
      if (::kill(process, 0) != 0) continue;
      std::ifstream file("/proc/" + std::to_string(process) + "/stat");
      std::string stat;
      std::getline(file, stat);
      if (stat.find(") Z") == std::string::npos && !stat.empty()) return false;
    }
    return true;
  });
}

void PostgresServer::start_again() {
  if (postmaster_ > 0) return;
  start();
}

void PostgresServer::freeze() {
  if (postmaster_ <= 0) return;
  ::kill(postmaster_, SIGSTOP);
  for (const pid_t process : processes()) ::kill(process, SIGSTOP);
}

void PostgresServer::thaw() {
  for (const pid_t process : processes()) ::kill(process, SIGCONT);
}

std::string PostgresServer::log() const {
  std::ifstream file(directory_ + "/log");
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  constexpr std::size_t end = 4000;
  return all.size() > end ? all.substr(all.size() - end) : all;
}

Rows query(const std::string& dsn, const std::string& sql) {
  const std::unique_ptr<PGconn, Closer> connection{PQconnectdb(dsn.c_str())};
  if (PQstatus(connection.get()) != CONNECTION_OK) fail(PQerrorMessage(connection.get()));
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  const std::unique_ptr<PGresult, Closer> utc{PQexec(connection.get(), "SET TimeZone = 'UTC'")};
  const std::unique_ptr<PGresult, Closer> result{PQexec(connection.get(), sql.c_str())};
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
    fail(PQerrorMessage(connection.get()) + (" in " + sql));
  }
  Rows rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    auto& fields = rows.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      if (PQgetisnull(result.get(), row, column) != 0) {
        fields.emplace_back();
      } else {
        fields.emplace_back(PQgetvalue(result.get(), row, column));
      }
    }
  }
  return rows;
}

std::string query_value(const std::string& dsn, const std::string& sql) {
  const Rows rows = query(dsn, sql);
  if (rows.size() != 1 || rows[0].size() != 1) fail("not one value: " + sql);
  return rows[0][0].value_or("NULL");
}

}  // namespace halcyon::tests
