#include "sim/cli/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "sim/cli/interrupt.h"

namespace quorate::sim {
namespace {

[[noreturn]] void Become(const std::vector<std::string>& command, const ChildSettings& settings,
                         int out, pid_t parent) {
  HearInterruptsAgain();
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody is left behind; outlives the exec
  if (getppid() != parent) _exit(127);
  dup2(out, STDOUT_FILENO);
  for (const auto& [name, value] : settings.environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  alarm(static_cast<unsigned>(settings.limit_s));  // outlives the exec
  execv(words[0], words.data());
  _exit(127);
}

std::string ReadToEnd(int fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace

absl::StatusOr<ChildResult> RunChild(const std::vector<std::string>& command,
                                     const ChildSettings& settings) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::UnavailableError("no more pipes");
  int out = ends[1];
  if (!settings.to_file.empty()) {
    close(ends[1]);
    out = open(settings.to_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (out < 0) {
      close(ends[0]);
      return absl::InvalidArgumentError(settings.to_file + ": cannot be written");
    }
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) Become(command, settings, out, parent);
  close(out);
  ChildResult result;
  if (pid > 0 && settings.to_file.empty()) result.out = ReadToEnd(ends[0]);
  close(ends[0]);
  if (pid < 0) return absl::UnavailableError("no more processes");
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  return result;
}

}  // namespace quorate::sim
