#include "sim/cli/outputs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>
#include <vector>

#include "sim/cli/child.h"
#include "sim/cli/exit_code.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/report.h"
#include "sim/cli/story.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

namespace fs = std::filesystem;

absl::Status Cannot(const std::string& path, std::string_view what, int error) {
  return absl::InvalidArgumentError(Cat(path, ": cannot be ", what, ": ", std::strerror(error)));
}

absl::Status CheckFile(const std::string& path) {
  return path.empty() ? absl::OkStatus() : CheckWritable(path);
}

absl::Status CheckFolder(const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return Cannot(path, "made", error.value());
  if (!fs::is_directory(path, error)) return absl::InvalidArgumentError(path + ": is no folder");
  if (access(path.c_str(), W_OK | X_OK) != 0) return Cannot(path, "written", errno);
  return absl::OkStatus();
}

// All that a failure leaves.
constexpr const char* kFilesOfKind[] = {"runs.txt",
                                        "scenario.json",
                                        "trace.txt",
                                        "history.jsonl",
                                        "engine_case.cc",
                                        "shrunk.json",
                                        "shrunk.json.new",
                                        "resolved.json",
                                        "shrunk.trace.txt",
                                        "shrunk.history.jsonl",
                                        "shrunk.engine_case.cc",
                                        "story.txt"};

// More of a trace is not looked at for a story.
constexpr std::streamoff kMostOfTrace = std::streamoff{64} * 1024;

std::string EndOf(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  // -1: it is not there.
  const std::streamoff size = std::max<std::streamoff>(in.tellg(), 0);
  const std::streamoff begin = std::max<std::streamoff>(size - kMostOfTrace, 0);
  std::string text(static_cast<std::size_t>(size - begin), '\0');
  in.seekg(begin);
  in.read(text.data(), size - begin);
  // It begins with half a line.
  return begin == 0 ? text : text.substr(std::min(text.find('\n'), text.size() - 1) + 1);
}

// Whether a folder was made by WriteKind.
bool IsOfKind(const fs::directory_entry& entry) {
  std::error_code error;
  return entry.is_directory(error) && fs::is_regular_file(entry.path() / "runs.txt", error) &&
         fs::is_regular_file(entry.path() / "scenario.json", error);
}

absl::Status WriteKind(const fs::path& folder, const Summary& summary,
                       const std::vector<const Finding*>& findings, const ChildSettings& settings,
                       const std::string& program) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return Cannot(folder.string(), "made", error.value());
  // Of an earlier run.
  for (const char* old : kFilesOfKind) fs::remove(folder / old, error);
  std::string lines;
  for (const Finding* finding : findings) lines += Render(summary, *finding) + "\n";
  const absl::Status status = WriteText((folder / "runs.txt").string(), lines);
  if (!status.ok()) return status;
  const Finding& first = *findings.front();
  const std::string& file = summary.files()[first.file].file;
  fs::copy_file(file, folder / "scenario.json", fs::copy_options::overwrite_existing, error);
  if (error) return Cannot((folder / "scenario.json").string(), "written", error.value());
  ChildSettings to_trace = settings;
  to_trace.to_file = (folder / "trace.txt").string();
  std::vector<std::string> words = {program,
                                    "replay",
                                    file,
                                    "--seed",
                                    std::to_string(first.seed),
                                    "--trace",
                                    "--history",
                                    (folder / "history.jsonl").string(),
                                    "--test",
                                    (folder / "engine_case.cc").string()};
  const std::vector<std::string>& options = summary.origin().options;
  words.insert(words.end(), options.begin(), options.end());
  const absl::StatusOr<ChildResult> trace = RunChild(words, to_trace);
  if (!trace.ok()) return trace.status();
  if (trace->code == static_cast<int>(ExitCode::kUsage))
    return absl::InvalidArgumentError(folder.string() + ": trace, history or case is not complete");
  const std::string story =
      TellUnshrunk(first, ReplayLine(summary, first), EndOf(to_trace.to_file));
  return WriteText((folder / "story.txt").string(), story);
}

}  // namespace

// A file that was not there before is not there afterwards either.
absl::Status CheckWritable(const std::string& path) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NONBLOCK, 0644);
  const bool made = fd >= 0;
  if (fd < 0 && errno == EEXIST) fd = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
  // A pipe that nobody reads yet.
  if (fd < 0 && errno == ENXIO) return absl::OkStatus();
  if (fd < 0) return Cannot(path, "written", errno);
  close(fd);
  if (made) unlink(path.c_str());
  return absl::OkStatus();
}

absl::Status CheckApart(const std::vector<std::string>& read,
                        const std::vector<std::string>& outputs) {
  std::error_code error;
  for (const std::string& output : outputs) {
    for (const std::string& path : read) {
      if (!output.empty() && fs::equivalent(path, output, error))
        return absl::InvalidArgumentError(
            Cat(output, ": is what is read; it would be written over"));
    }
  }
  return absl::OkStatus();
}

absl::Status WriteText(const std::string& path, const std::string& text) {
  errno = 0;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  return out ? absl::OkStatus() : Cannot(path, "written", errno);
}

absl::Status CheckOutputs(const RunArgs& args) {
  for (const absl::Status& status :
       {CheckFile(args.json), CheckFile(args.junit), CheckFolder(args.out)}) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status WriteReports(const RunArgs& args, const Summary& summary, std::uint64_t first_seed) {
  if (!args.json.empty()) {
    const absl::Status status = WriteText(args.json, RenderJson(summary, first_seed));
    if (!status.ok()) return status;
  }
  return args.junit.empty() ? absl::OkStatus() : WriteText(args.junit, RenderJUnit(summary));
}

absl::Status WriteArtifacts(const RunArgs& args, const std::string& out, const Summary& summary,
                            const std::string& program) {
  std::map<std::string, std::vector<const Finding*>> kinds;
  for (const Finding& finding : summary.findings()) {
    if (IsFailure(finding.severity)) kinds[FingerprintOf(finding)].push_back(&finding);
  }
  // Whoever looks into `out` afterwards would take them for this run's. Another shard may have put them there.
  std::error_code error;
  for (fs::directory_iterator at(out, error), end; !error && at != end; at.increment(error)) {
    if (IsOfKind(*at) && !kinds.contains(at->path().filename().string())) {
      std::fprintf(stderr, "quorate-sim: %s: was there before, and is of another run\n",
                   at->path().c_str());
    }
  }
  for (const auto& [kind, findings] : kinds) {
    if (Interrupted()) break;
    const absl::Status status =
        WriteKind(fs::path(out) / kind, summary, findings, {args.run_limit_s, {}, ""}, program);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace quorate::sim
