#include "sim/cases/engine_replay.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "sim/cases/codec.h"

namespace quorate::sim {
namespace {

struct AssertionFailed {
  CheckFailure failure;
};

// Failed assertions of the engine are thrown while this lives.
class Throwing {
 public:
  Throwing()
      : before_(
            SetCheckHandler([](const CheckFailure& failure) { throw AssertionFailed{failure}; })) {}
  ~Throwing() { SetCheckHandler(before_); }
  Throwing(const Throwing&) = delete;
  Throwing& operator=(const Throwing&) = delete;

 private:
  CheckHandler before_;
};

std::string TextOf(const AssertionFailed& failed) {
  return absl::StrCat(failed.failure.kind, " ", failed.failure.condition, " failed (",
                      failed.failure.file, ":", failed.failure.line, ")");
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// False if `text` is not pairs of hexadecimal digits.
bool BytesOf(std::string_view text, std::string& bytes) {
  if (text.size() % 2 != 0) return false;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = DigitOf(text[i]);
    const int low = DigitOf(text[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return true;
}

constexpr const char* kNoDigits = "no pairs of hexadecimal digits";

Now At(std::int64_t mono, std::int64_t wall) {
  return {MonoTime{mono}, WallTime{kReplayEpoch + wall}};
}

}  // namespace

const char* NameOf(Course course) {
  switch (course) {
    case Course::kRepeated:
      return "repeated";
    case Course::kOtherEnd:
      return "other end";
    case Course::kElsewhere:
      return "elsewhere";
    case Course::kAsserts:
      return "asserts";
    case Course::kUnreadable:
      return "unreadable";
  }
  UNREACHABLE("course");
}

std::ostream& operator<<(std::ostream& out, Course course) { return out << NameOf(course); }

bool EngineReplay::Begin(std::uint32_t node, std::string_view what) {
  ++steps_;
  if (differs_) return false;
  last_ = absl::StrCat("n", node, " ", std::string(what));
  return true;
}

void EngineReplay::Boot(std::uint32_t node, std::int64_t mono, std::int64_t wall,
                        std::string_view what, std::string_view recovered, std::uint64_t effects) {
  if (!Begin(node, what)) return;
  std::string bytes;
  absl::StatusOr<Recovered> state = absl::InvalidArgumentError(kNoDigits);
  if (BytesOf(recovered, bytes)) state = DecodeRecovered(bytes);
  if (!state.ok()) {
    difference_.unreadable = true;
    return Differ(std::string(state.status().message()));
  }
  const Throwing throwing;
  try {
    replicas_.erase(node);
    Replica& replica = replicas_.emplace(node, Replica(*state, options_)).first->second;
    replica.Start(At(mono, wall));
    Compare(replica, effects);
  } catch (const AssertionFailed& failed) {
    difference_.asserts = true;
    Differ(TextOf(failed));
  }
}

void EngineReplay::Step(std::uint32_t node, std::int64_t mono, std::int64_t wall,
                        std::string_view what, std::string_view input, std::uint64_t effects) {
  if (Begin(node, what)) Feed(node, At(mono, wall), input, &effects);
}

void EngineReplay::FailingStep(std::uint32_t node, std::int64_t mono, std::int64_t wall,
                               std::string_view what, std::string_view input) {
  if (Begin(node, what)) Feed(node, At(mono, wall), input, nullptr);
}

void EngineReplay::Feed(std::uint32_t node, Now now, std::string_view text,
                        const std::uint64_t* effects) {
  const auto found = replicas_.find(node);
  REQUIRE(found != replicas_.end());
  std::string bytes;
  absl::StatusOr<Input> input = absl::InvalidArgumentError(kNoDigits);
  if (BytesOf(text, bytes)) input = DecodeInput(bytes);
  if (!input.ok()) {
    difference_.unreadable = true;
    return Differ(std::string(input.status().message()));
  }
  const Throwing throwing;
  try {
    found->second.Step(now, *input);
    if (effects == nullptr) return Differ("no assertion fails any more");
    Compare(found->second, *effects);
  } catch (const AssertionFailed& failed) {
    if (effects == nullptr) return;
    difference_.asserts = true;
    Differ(TextOf(failed));
  }
}

void EngineReplay::State(std::uint32_t node, std::uint64_t state) {
  if (differs_) return;
  const auto found = replicas_.find(node);
  REQUIRE(found != replicas_.end());
  if (found->second.StateDigest().value == state) return;
  Differ(absl::StrCat("it asks for the same, but is in another state:\n", found->second.Render()));
}

void EngineReplay::Compare(const Replica& replica, std::uint64_t effects) {
  if (DigestOfEffects(replica.last_effects()).value == effects) return;
  std::string how = "it asks for something else than then:";
  if (replica.last_effects().empty()) how += " nothing";
  for (const Effect& effect : replica.last_effects()) absl::StrAppend(&how, "\n  ", Render(effect));
  Differ(how);
}

void EngineReplay::Differ(const std::string& how) {
  differs_ = true;
  difference_.step = steps_;
  difference_.how = absl::StrCat("\n  ", last_, "\n", how);
}

Course EngineReplay::course() const {
  if (!differs_) return Course::kRepeated;
  if (difference_.unreadable) return Course::kUnreadable;
  if (difference_.asserts) return Course::kAsserts;
  return difference_.step == steps_ ? Course::kOtherEnd : Course::kElsewhere;
}

std::string EngineReplay::story() const {
  const std::string where = absl::StrCat("step ", difference_.step, " of ", steps_);
  switch (course()) {
    case Course::kRepeated:
      return absl::StrCat("The engine does at all ", steps_,
                          " steps what it did in the run. The last one:\n  ", last_);
    case Course::kOtherEnd:
    case Course::kElsewhere:
      return absl::StrCat("The engine goes another way since ", where, ":", difference_.how);
    case Course::kAsserts:
      return absl::StrCat("An assertion of the engine fails at ", where, ":", difference_.how);
    case Course::kUnreadable:
      return absl::StrCat("The recording cannot be read at ", where, ":", difference_.how);
  }
  UNREACHABLE("course");
}

}  // namespace quorate::sim
