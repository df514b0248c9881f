// Golden scenarios: a file is a story in commands, and what the cluster looks like after each of them.
//
// Blocks of command lines, then `----`, then what they print, up to an empty line. UPDATE_GOLDEN=1 writes the
// files anew: then read the difference. Time passes only by `pass`, `run` and `timeout`.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/cluster/cluster.h"

namespace quorate {
namespace {

using Words = std::vector<std::string>;

std::uint32_t Number(const std::string& word) {
  std::uint32_t number = 0;
  if (!absl::SimpleAtoi(absl::StripPrefix(word, "n"), &number))
    ADD_FAILURE() << "no number: " << word;
  return number;
}
NodeId NodeOf(const std::string& word) { return NodeId(Number(word)); }
Duration SpanOf(const std::string& word) {
  return Milliseconds(Number(std::string(absl::StripSuffix(word, "ms"))));
}

class Story {
 public:
  // Runs one line and returns what it prints.
  std::string Run(const std::string& line) {
    const Words words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    out_.clear();
    if (words.empty() || words[0][0] == '#') return out_;
    if (words[0] == "cluster") {
      Begin(words);
    } else if (!Move(words) && !Ask(words) && !Show(words)) {
      ADD_FAILURE() << "unknown command: " << line;
    }
    return out_;
  }

 private:
  void Begin(const Words& words) {
    Options options = Cluster::TestOptions();
    std::uint32_t voters = 0;
    for (std::size_t i = 2; i < words.size(); ++i) {
      const Words pair = absl::StrSplit(words[i], '=');
      const std::uint32_t value = Number(pair.at(1));
      if (pair[0] == "voters")
        voters = value;
      else if (pair[0] == "snapshot_every")
        options.snapshot_every = value;
      else if (pair[0] == "log_keep")
        options.log_keep = value;
      else if (pair[0] == "chunk_bytes")
        options.snapshot_chunk_bytes = value;
      else if (pair[0] == "append_entries")
        options.max_append_entries = value;
      else if (pair[0] == "inflight")
        options.max_inflight_messages = value;
      else if (pair[0] == "log_cache")
        options.log_cache_entries = value;
      else
        ADD_FAILURE() << "unknown option: " << pair[0];
    }
    cluster_ = std::make_unique<Cluster>(NodeOf(words.at(1)).value(), options, voters);
  }

  bool Move(const Words& words) {
    Cluster& c = *cluster_;
    const std::string& verb = words[0];
    if (verb == "timeout")
      c.TimeOut(NodeOf(words.at(1)));
    else if (verb == "pass")
      c.Pass(SpanOf(words.at(1)));
    else if (verb == "run")
      c.Run(SpanOf(words.at(1)));
    else if (verb == "settle")
      c.Settle();
    else if (verb == "sync")
      c.Sync(NodeOf(words.at(1)), words.size() > 2 ? Number(words[2]) : 1'000'000);
    else if (verb == "work")
      while (c.Work(NodeOf(words.at(1)))) {
      }
    else if (verb == "deliver")
      Deliver(words);
    else if (verb == "drop")
      c.DropBetween(NodeOf(words.at(1)), NodeOf(words.at(2)));
    else if (verb == "cut")
      c.Cut(NodeOf(words.at(1)), NodeOf(words.at(2)));
    else if (verb == "isolate")
      c.Isolate(NodeOf(words.at(1)));
    else if (verb == "heal")
      c.Heal();
    else if (verb == "hold")
      c.HoldDisk(NodeOf(words.at(1)));
    else if (verb == "release")
      c.ReleaseDisk(NodeOf(words.at(1)));
    else if (verb == "crash")
      c.Crash(NodeOf(words.at(1)), words.size() > 2 ? Number(words[2]) : 0);
    else if (verb == "wipe")
      c.Wipe(NodeOf(words.at(1)));
    else if (verb == "boot")
      c.Boot(NodeOf(words.at(1)));
    else if (verb == "restart")
      c.Restart(NodeOf(words.at(1)));
    else
      return false;
    return true;
  }

  void Deliver(const Words& words) {  // deliver FROM TO [COUNT]
    std::size_t count = words.size() > 3 ? Number(words[3]) : 1'000'000;
    for (std::size_t at = 0; at < cluster_->packets().size() && count > 0;) {
      const Cluster::Packet& packet = cluster_->packets()[at];
      if (packet.from != NodeOf(words.at(1)) || packet.to != NodeOf(words.at(2))) {
        ++at;
        continue;
      }
      absl::StrAppend(&out_, "n", packet.from.value(), " -> n", packet.to.value(), " ",
                      Render(packet.message), "\n");
      cluster_->Deliver(at);
      --count;
    }
  }

  bool Ask(const Words& words) {
    Cluster& c = *cluster_;
    const std::string& verb = words[0];
    if (verb == "put") {
      asked_.push_back(
          c.AskPut(NodeOf(words.at(1)), words.at(2), words.at(3), Session(), seq_ = Next(seq_)));
    } else if (verb == "session") {
      asked_.push_back(
          c.Ask(NodeOf(words.at(1)), RequestKind::kOpenSession, kDefaultNamespace, ""));
      opening_ = asked_.back();
    } else if (verb == "put_in") {  // put_in NODE SESSION SEQ KEY VALUE
      asked_.push_back(c.AskPut(NodeOf(words.at(1)), words.at(4), words.at(5),
                                SessionId(Number(words.at(2))), SessionSeq(Number(words.at(3)))));
    } else if (verb == "get") {
      asked_.push_back(c.AskGet(NodeOf(words.at(1)), words.at(2)));
    } else if (verb == "transfer") {
      c.Feed(NodeOf(words.at(1)), TransferLeadership{kDefaultNamespace, NodeOf(words.at(2))});
    } else if (verb == "change") {
      Change(words);
    } else {
      return false;
    }
    return true;
  }

  // change NODE auto|joint|leave [+n4 +l5 -n2 …]
  void Change(const Words& words) {
    const NodeId node = NodeOf(words.at(1));
    ChangeConfiguration change{.group = kDefaultNamespace, .changes = {}};
    if (words.at(2) == "joint") change.transition = Transition::kJointExplicit;
    if (words.at(2) == "implicit") change.transition = Transition::kJointImplicit;
    for (std::size_t i = 3; i < words.size(); ++i) {
      const std::string& word = words[i];
      const ChangeKind kind = word[0] == '-'   ? ChangeKind::kRemove
                              : word[1] == 'l' ? ChangeKind::kAddLearner
                                               : ChangeKind::kAddVoter;
      change.changes.push_back({kind, NodeId(Number(word.substr(2)))});
    }
    change.expected_epoch = cluster_->raft(node).configuration().epoch;
    const Index before = cluster_->raft(node).configuration_index();
    cluster_->Feed(node, change);
    if (cluster_->raft(node).configuration_index() == before) out_ = "refused\n";
  }

  bool Show(const Words& words) {
    const std::string& verb = words[0];
    if (verb == "show") {
      for (std::uint32_t id = 1; id <= cluster_->size(); ++id) {
        if (words.size() > 1 && NodeOf(words[1]) != NodeId(id)) continue;
        absl::StrAppend(&out_, "n", id, " ",
                        cluster_->IsUp(NodeId(id)) ? cluster_->raft(NodeId(id)).Render() : "down",
                        "\n");
      }
    } else if (verb == "packets") {
      for (const Cluster::Packet& packet : cluster_->packets()) {
        if (packet.message.group == kSystemGroup) continue;
        absl::StrAppend(&out_, "n", packet.from.value(), " -> n", packet.to.value(), " ",
                        Render(packet.message), "\n");
      }
    } else if (verb == "answers") {
      for (std::size_t i = 0; i < asked_.size(); ++i) {
        const Cluster::Answer* answer = cluster_->AnswerTo(asked_[i]);
        absl::StrAppend(&out_, "#", i + 1, " ");
        if (answer == nullptr) {
          absl::StrAppend(&out_, "waits\n");
          continue;
        }
        absl::StrAppend(&out_, NameOf(answer->outcome.kind), " ", NameOf(answer->outcome.refusal),
                        " serial=", answer->outcome.serial.value());
        const auto reply = DecodeReply(answer->outcome.result.bytes());
        absl::StrAppend(&out_, reply.ok() ? " " + Render(*reply) : "", "\n");
      }
    } else {
      return false;
    }
    return true;
  }

  std::unique_ptr<Cluster> cluster_;
  // The session that `put` uses: the one opened last.
  SessionId Session() const {
    const Cluster::Answer* answer = cluster_->AnswerTo(opening_);
    return answer == nullptr ? SessionId() : SessionId(answer->outcome.serial.value());
  }

  std::vector<RequestId> asked_;
  RequestId opening_;
  SessionSeq seq_;
  std::string out_;
};

// Runs a file's commands and returns the file as it should be.
std::string Play(const std::string& text) {
  Story story;
  std::string played;
  std::string printed;
  bool skipping = false;
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(absl::StripSuffix(text, "\n"), '\n'))) {
    if (line == "----") {
      absl::StrAppend(&played, "----\n", printed, "\n");
      printed.clear();
      skipping = true;
    } else if (skipping) {
      skipping = !line.empty();
    } else {
      absl::StrAppend(&played, line, "\n");
      printed += story.Run(line);
    }
  }
  return played;
}

class Golden : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Golden, PlaysAsWritten) {
  std::ostringstream text;
  text << std::ifstream(GetParam()).rdbuf();
  const std::string played = Play(text.str());
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(GetParam()) << played;
    return;
  }
  EXPECT_EQ(played, text.str())
      << "if the change is wanted: UPDATE_GOLDEN=1, then read the difference";
}

std::vector<std::filesystem::path> Stories() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(GOLDEN_DIR)) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

INSTANTIATE_TEST_SUITE_P(Stories, Golden, testing::ValuesIn(Stories()),
                         [](const auto& param) { return param.param.stem().string(); });

}  // namespace
}  // namespace quorate
