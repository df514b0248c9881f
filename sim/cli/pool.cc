#include "sim/cli/pool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "sim/cli/interrupt.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

using Clock = std::chrono::steady_clock;

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

bool ReadAll(int fd, char* to, std::size_t size) {
  while (size > 0) {
    const ssize_t got = read(fd, to, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    to += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

// Length, then content.
std::string Framed(const RunRecord& record) {
  const std::string content = EncodeRecord(record);
  std::string frame;
  Encoder(frame).U32(static_cast<std::uint32_t>(content.size()));
  return frame + content;
}

// ---- in a worker
// --------------------------------------------------------------------------------------
int answers_fd = -1;
RunRecord under_way;

// An assertion that nobody caught: the parent is told which one, then the process ends.
void ReportAssertion(const CheckFailure& failure) {
  under_way.end = RunEnd::kAsserted;
  under_way.how =
      Cat(failure.file, ":", failure.line, ": ", failure.kind, " failed: ", failure.condition);
  WriteAll(answers_fd, Framed(under_way));
  _exit(70);
}

[[noreturn]] void Serve(int tasks_fd, int records_fd, const TaskList& tasks, const PoolWork& work) {
  answers_fd = records_fd;
  SetCheckHandler(ReportAssertion);
  std::uint64_t place = 0;
  while (ReadAll(tasks_fd, reinterpret_cast<char*>(&place), sizeof place)) {
    const Task task = tasks.at(place);
    under_way = {};
    under_way.number = task.number;
    under_way.file = task.file;
    under_way.seed = task.seed;
    RunRecord record = work.run(task);
    record.number = task.number;
    record.file = task.file;
    record.seed = task.seed;
    if (!WriteAll(records_fd, Framed(record))) break;
  }
  _exit(0);
}

// ---- in the parent
// ------------------------------------------------------------------------------------
struct Worker {
  pid_t pid = -1;
  int to = -1;    // tasks
  int from = -1;  // records
  std::string bytes;
  std::optional<std::uint64_t> place;  // of the task under way
  Clock::time_point since;
};

std::string HowItDied(int status) {
  if (WIFSIGNALED(status))
    return Cat("the process died of signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)),
               ")");
  return Cat("the process ended with code ", WEXITSTATUS(status));
}

class Pool {
 public:
  Pool(const TaskList& tasks, const PoolLimits& limits, const PoolWork& work)
      : tasks_(tasks), limits_(limits), work_(work), start_(Clock::now()) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    // All at once: what they do now is of no use any more.
    for (const Worker& worker : workers_) {
      if (worker.pid > 0) kill(worker.pid, SIGKILL);
    }
    for (Worker& worker : workers_) End(worker);
  }

  absl::StatusOr<std::uint64_t> Run() {
    const std::uint64_t count = std::min<std::uint64_t>(limits_.jobs, tasks_.count);
    for (std::uint64_t i = 0; i < count; ++i) {
      const absl::Status status = Start(workers_.emplace_back());
      if (!status.ok()) return status;
    }
    Clock::time_point told = start_;
    while (delivered_ < tasks_.count && !stopped_ && !Leaves()) {
      const absl::Status status = Turn();
      if (!status.ok()) return status;
      const Clock::time_point now = Clock::now();
      if (now - told >= std::chrono::seconds(1)) {
        told = now;
        work_.progress(delivered_ + waiting_.size());
      }
      if (limits_.time_limit && now - start_ >= *limits_.time_limit) break;
    }
    return delivered_;
  }

 private:
  absl::Status Start(Worker& worker) {
    int tasks[2];
    int records[2];
    if (pipe2(tasks, O_CLOEXEC) != 0) return absl::UnavailableError("no more pipes");
    if (pipe2(records, O_CLOEXEC) != 0) {
      close(tasks[0]);
      close(tasks[1]);
      return absl::UnavailableError("no more pipes");
    }
    std::fflush(nullptr);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
      // Without the other ends: else a worker would keep its siblings' pipes open.
      for (const Worker& other : workers_) {
        if (other.to >= 0) close(other.to);
        if (other.from >= 0) close(other.from);
      }
      close(tasks[1]);
      close(records[0]);
      LeaveInterruptsToTheParent();
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(0);
      Serve(tasks[0], records[1], tasks_, work_);
    }
    close(tasks[0]);
    close(records[1]);
    worker = Worker{};
    worker.to = tasks[1];
    worker.from = records[0];
    if (pid < 0) return absl::UnavailableError("no more processes");
    worker.pid = pid;
    Give(worker);
    return absl::OkStatus();
  }

  void Give(Worker& worker) {
    worker.place.reset();
    if (next_ == tasks_.count) return;
    const std::uint64_t place = next_++;
    worker.place = place;
    worker.since = Clock::now();
    // A worker that has died meanwhile is noticed by its end of file.
    WriteAll(worker.to, std::string_view(reinterpret_cast<const char*>(&place), sizeof place));
  }

  bool Leaves() const { return limits_.heeds_interrupts && Interrupted(); }

  // How long nothing may come in before somebody looks at the clock.
  std::chrono::milliseconds Patience() const {
    constexpr std::chrono::milliseconds kMost(200);
    if (!limits_.time_limit) return kMost;
    const auto left = *limits_.time_limit -
                      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start_);
    return std::clamp(left, std::chrono::milliseconds(1), kMost);
  }

  // Waits for something to come in and takes it.
  absl::Status Turn() {
    std::vector<pollfd> polled;
    for (const Worker& worker : workers_) polled.push_back({worker.from, POLLIN, 0});
    if (poll(polled.data(), polled.size(), static_cast<int>(Patience().count())) < 0)
      return errno == EINTR ? absl::OkStatus() : absl::UnavailableError("poll failed");
    for (std::size_t i = 0; i < workers_.size() && !stopped_ && !Leaves(); ++i) {
      absl::Status status;
      if (polled[i].revents != 0) {
        status = Take(workers_[i]);
      } else if (workers_[i].place && Clock::now() - workers_[i].since >= limits_.run_limit) {
        status = Replace(workers_[i], RunEnd::kOutOfTime);
      }
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Take(Worker& worker) {
    char buffer[65536];
    const ssize_t got = read(worker.from, buffer, sizeof buffer);
    if (got < 0)
      return errno == EINTR ? absl::OkStatus()
                            : absl::UnavailableError("cannot read from a worker");
    if (got == 0) return Replace(worker, RunEnd::kCrashed);
    worker.bytes.append(buffer, static_cast<std::size_t>(got));
    if (worker.bytes.size() < 4) return absl::OkStatus();
    Decoder in(worker.bytes);
    const std::uint32_t size = in.U32();
    if (in.left() < size) return absl::OkStatus();
    absl::StatusOr<RunRecord> record = DecodeRecord(in.Raw(size));
    if (!record.ok()) return Replace(worker, RunEnd::kCrashed);
    const bool ended = record->end == RunEnd::kAsserted;
    Deliver(*worker.place, *std::move(record));
    worker.bytes.clear();
    worker.place.reset();
    if (ended) return Replace(worker, RunEnd::kCrashed);
    Give(worker);
    return absl::OkStatus();
  }

  // Its run, if one is under way, is over; another process takes its place.
  absl::Status Replace(Worker& worker, RunEnd end) {
    const std::optional<std::uint64_t> place = worker.place;
    const int status = End(worker);
    if (place) {
      const Task task = tasks_.at(*place);
      RunRecord record{task.number, task.file, task.seed, end, "", {}};
      record.how = end == RunEnd::kOutOfTime
                       ? Cat("stopped after ", limits_.run_limit.count() / 1'000, " s")
                       : HowItDied(status);
      Deliver(*place, std::move(record));
    }
    if (stopped_ || next_ == tasks_.count) return absl::OkStatus();
    return Start(worker);
  }

  // Stops the process, whatever it does, and takes its status.
  static int End(Worker& worker) {
    if (worker.pid < 0) return 0;
    close(worker.to);
    close(worker.from);
    int status = 0;
    // One that ended by itself keeps its own status: it is gone already, and the signal finds
    // nobody.
    if (waitpid(worker.pid, &status, worker.place ? WNOHANG : 0) == 0) {
      if (!DiesSoon(worker.pid, &status)) {
        kill(worker.pid, SIGKILL);
        waitpid(worker.pid, &status, 0);
      }
    }
    worker = Worker{};
    return status;
  }

  // A process whose pipe is closed is dying: its status is a moment away.
  static bool DiesSoon(pid_t pid, int* status) {
    for (int i = 0; i < 50; ++i) {
      if (waitpid(pid, status, WNOHANG) == pid) return true;
      usleep(1000);
    }
    return false;
  }

  void Deliver(std::uint64_t place, RunRecord record) {
    waiting_.emplace(place, std::move(record));
    while (!stopped_ && !waiting_.empty() && waiting_.begin()->first == delivered_) {
      const RunRecord first = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      ++delivered_;
      stopped_ = work_.deliver(first) == Continue::kNo;
    }
  }

  const TaskList& tasks_;
  const PoolLimits& limits_;
  const PoolWork& work_;
  const Clock::time_point start_;
  std::vector<Worker> workers_;
  std::map<std::uint64_t, RunRecord> waiting_;  // for those before them
  std::uint64_t next_ = 0;                      // place of the next task to hand out
  std::uint64_t delivered_ = 0;                 // in order
  bool stopped_ = false;
};

}  // namespace

absl::StatusOr<std::uint64_t> RunAll(const TaskList& tasks, const PoolLimits& limits,
                                     const PoolWork& work) {
  REQUIRE(limits.jobs > 0 && limits.run_limit.count() > 0);
  // A worker that dies while it is told something must not take the parent with it.
  void (*const before)(int) = signal(SIGPIPE, SIG_IGN);
  Pool pool(tasks, limits, work);
  absl::StatusOr<std::uint64_t> delivered = pool.Run();
  signal(SIGPIPE, before);
  return delivered;
}

}  // namespace quorate::sim
