// storage/threaded_log.h — the log port with a disk thread of its own.
//
// Model: calls queue up; the disk thread takes what is queued, writes the batches of all turns it finds as one
//   batch, syncs once, and hands answers back through a queue that the driver empties. A read is done in its
//   place in the queue, so that it sees what was appended before it and nothing later.
// Invariants: `Persisted{upto}` only after a sync that covers `upto`; after a failure there is exactly one
//   `PersistFailed` and never a `Persisted` again.
// Errors: as inputs for the engine.
// Threads: the public functions belong to the driver's thread; the store belongs to the disk thread from
//   construction on.
#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/input.h"
#include "engine/ports.h"
#include "storage/log_store.h"

namespace quorate {

class ThreadedLog final : public LogPort {
 public:
  // `wake_fd`: an eventfd of the driver's loop that is written to whenever an answer has come; -1 = none.
  explicit ThreadedLog(LogStore store, int wake_fd = -1);
  // Finishes what is queued, then ends the thread.
  ~ThreadedLog() override;
  ThreadedLog(const ThreadedLog&) = delete;
  ThreadedLog& operator=(const ThreadedLog&) = delete;

  void Append(PersistSeq seq, std::span<const LogRecord> records) override;
  void Sync() override;
  void Read(const ReadLog& request) override;

  // Answers that have come in, in order: Persisted, PersistFailed, LogRead.
  std::vector<Input> Poll();
  // Waits until there is an answer, at most `timeout`. Returns whether there is one.
  bool Wait(std::chrono::nanoseconds timeout);

 private:
  struct QueuedWrite {
    PersistSeq seq;
    std::vector<LogRecord> records;
  };
  struct QueuedSync {};
  using Order = std::variant<QueuedWrite, QueuedSync, ReadLog>;

  void Enqueue(Order order);
  void Run();
  void CarryOut(std::vector<Order> orders);
  void CarryOutRead(const ReadLog& request);
  void Answer(Input input);
  void FailAt(PersistSeq seq);

  LogStore store_;       // the disk thread's
  bool failed_ = false;  // the disk thread's
  PersistSeq synced_;    // the disk thread's
  const int wake_fd_;

  std::mutex mutex_;  // over what follows
  std::condition_variable orders_came_;
  std::condition_variable answers_came_;
  std::vector<Order> orders_;
  std::vector<Input> answers_;
  bool ending_ = false;

  bool written_ = false;  // the driver's: something was appended since the last sync was asked for

  std::thread thread_;
};

}  // namespace quorate
