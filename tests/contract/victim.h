// tests/contract/victim.h — a process that works until it is killed, and tells what it has been promised.
//
// Model: the test starts itself again (`/proc/self/exe --victim ARGUMENTS…`) with a pipe to report numbers through,
//   and kills it with SIGKILL at some moment. What was in the pipe by then counts.
#pragma once
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/check.h"

namespace quorate {

// The victim's side: says that everything up to `number` is promised.
inline void Report(std::uint64_t number) {
  const ssize_t size = write(STDOUT_FILENO, &number, sizeof(number));
  if (size != sizeof(number)) _exit(3);  // nobody listens any more
}

// Starts a victim, lets it make `count` reports, then kills it. Returns all it reported, also between that
// moment and its end.
inline std::vector<std::uint64_t> KillAfter(const std::vector<std::string>& arguments,
                                            std::size_t count) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  std::vector<char*> argv;
  std::string self = "/proc/self/exe";
  std::string flag = "--victim";
  std::vector<std::string> copies = arguments;
  argv.push_back(self.data());
  argv.push_back(flag.data());
  for (std::string& argument : copies) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t victim = fork();
  REQUIRE(victim >= 0);
  if (victim == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execv(self.c_str(), argv.data());
    _exit(127);
  }
  close(ends[1]);
  std::vector<std::uint64_t> reports;
  std::uint64_t number = 0;
  if (count == 0) kill(victim, SIGKILL);
  while (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
    reports.push_back(number);
    if (reports.size() == count) kill(victim, SIGKILL);
  }
  close(ends[0]);
  int status = 0;
  waitpid(victim, &status, 0);
  REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  return reports;
}

}  // namespace quorate
