#include "storage/threaded_log.h"

#include <unistd.h>

#include <utility>

#include "engine/base/match.h"

namespace quorate {

ThreadedLog::ThreadedLog(LogStore store, int wake_fd)
    : store_(std::move(store)), wake_fd_(wake_fd) {
  thread_ = std::thread([this] { Run(); });
}

ThreadedLog::~ThreadedLog() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
  }
  orders_came_.notify_one();
  thread_.join();
}

void ThreadedLog::Append(PersistSeq seq, std::span<const LogRecord> records) {
  written_ = true;
  Enqueue(QueuedWrite{seq, std::vector<LogRecord>(records.begin(), records.end())});
}

// A turn that wrote nothing wakes nobody.
void ThreadedLog::Sync() {
  if (std::exchange(written_, false)) Enqueue(QueuedSync{});
}

void ThreadedLog::Read(const ReadLog& request) { Enqueue(request); }

void ThreadedLog::Enqueue(Order order) {
  // A write waits for the end of its turn, so that the thread is woken once for all of it.
  const bool wake = !std::holds_alternative<QueuedWrite>(order);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    orders_.push_back(std::move(order));
  }
  if (wake) orders_came_.notify_one();
}

std::vector<Input> ThreadedLog::Poll() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(answers_, {});
}

bool ThreadedLog::Wait(std::chrono::nanoseconds timeout) {
  std::unique_lock<std::mutex> lock(mutex_);
  return answers_came_.wait_for(lock, timeout, [this] { return !answers_.empty(); });
}

void ThreadedLog::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    orders_came_.wait(lock, [this] { return ending_ || !orders_.empty(); });
    if (orders_.empty()) return;
    std::vector<Order> orders = std::exchange(orders_, {});
    lock.unlock();
    CarryOut(std::move(orders));
    lock.lock();
  }
}

// Writes are staged until something needs them in the store; one sync at the end serves every turn.
void ThreadedLog::CarryOut(std::vector<Order> orders) {
  bool sync = false;
  for (Order& order : orders) {
    std::visit(Match{[this](const QueuedWrite& write) {
                       if (!failed_ && !store_.Stage(write.seq, write.records).ok())
                         FailAt(write.seq);
                     },
                     [&sync](const QueuedSync&) { sync = true; },
                     [this](const ReadLog& request) { CarryOutRead(request); }},
               order);
  }
  if (!sync || failed_) return;
  if (!store_.Commit().ok() || !store_.Sync().ok()) return FailAt(Next(synced_));
  if (store_.last_staged() == synced_) return;
  synced_ = store_.last_staged();
  Answer(Persisted{synced_});
}

void ThreadedLog::CarryOutRead(const ReadLog& request) {
  LogRead answer;
  answer.id = request.id;
  answer.group = request.group;
  answer.first = request.first;
  answer.ok = false;
  if (!failed_ && !store_.Commit().ok()) FailAt(Next(synced_));
  if (!failed_) {
    absl::StatusOr<EntryList> entries =
        store_.ReadEntries(request.group, request.first, request.last, request.max_bytes);
    answer.ok = entries.ok();
    if (entries.ok()) answer.entries = *std::move(entries);
  }
  Answer(std::move(answer));
}

void ThreadedLog::FailAt(PersistSeq seq) {
  failed_ = true;
  Answer(PersistFailed{seq});
}

void ThreadedLog::Answer(Input input) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    answers_.push_back(std::move(input));
  }
  answers_came_.notify_one();
  if (wake_fd_ < 0) return;
  // Fails only when the eventfd's counter is full, and then it is readable already.
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t size = write(wake_fd_, &one, sizeof(one));
}

}  // namespace quorate
