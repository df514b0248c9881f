#include "sim/cli/narrate.h"

#include <charconv>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kMostLines = 400;
constexpr std::string_view kSystem = "g4294967295";

std::string_view TakeWord(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

bool IsNumbered(std::string_view word, char kind) {
  return word.size() > 1 && word[0] == kind && word[1] >= '0' && word[1] <= '9';
}

// "12.034056789" → milliseconds.
std::int64_t Milliseconds(std::string_view seconds) {
  const std::size_t dot = std::min(seconds.find('.'), seconds.size());
  std::int64_t whole = 0;
  std::int64_t part = 0;
  std::from_chars(seconds.data(), seconds.data() + dot, whole);
  if (seconds.size() >= dot + 4)
    std::from_chars(seconds.data() + dot + 1, seconds.data() + dot + 4, part);
  return whole * 1'000 + part;
}

std::string Seconds(std::int64_t ms) {
  std::string part = std::to_string(ms % 1'000);
  part.insert(0, 3 - part.size(), '0');
  return Cat(ms / 1'000, ".", part, " s");
}

class Narrator {
 public:
  void Take(std::string_view line) {
    TakeWord(line);  // number of the event
    const std::string_view seconds = TakeWord(line);
    if (seconds.find('.') == std::string_view::npos) return;
    now_ms_ = Milliseconds(seconds);
    std::string_view rest = line;
    const std::string_view who = TakeWord(rest);
    if (IsNumbered(who, 'n')) return OfNode(who, rest);
    if (IsNumbered(who, 'c')) return OfClient(who, rest);
    if (who == "fault") return Say(Cat(rest, " begins"));
    if (who == "over") return Say(Cat(rest, " is over"));
    if (who == "scheduled") return Say(Cat("as scheduled: ", rest));
    if (line.starts_with("the core is healed")) Say(std::string(line));
  }

  std::string Text() const {
    std::string text;
    for (const std::string& line : lines_) text += line;
    if (left_out_ > 0) text += Cat("  … and ", left_out_, " lines more\n");
    text += Cat("\nclients      ", begun_, " operations: ", ended_.at("ok"), " ok, ",
                ended_.at("fail"), " certainly not applied, ", ended_.at("info"), " unknown");
    if (longest_ms_ > 0) text += Cat("; the longest took ", Seconds(longest_ms_), ": ", longest_);
    return text + "\n";
  }

 private:
  void Say(const std::string& what) {
    if (lines_.size() == kMostLines) {
      ++left_out_;
      return;
    }
    std::string time = Seconds(now_ms_);
    time.insert(0, time.size() < 12 ? 12 - time.size() : 0, ' ');
    lines_.push_back(Cat(time, "  ", what, "\n"));
  }

  void OfNode(std::string_view node, std::string_view rest) {
    std::string_view words = rest;
    const std::string_view first = TakeWord(words);
    if (IsNumbered(first, 'g')) {
      const std::string_view role = TakeWord(words);
      TakeWord(words);  // "term"
      if (role != "leader") return;
      const std::string term(TakeWord(words));
      if (!led_.insert(Cat(first, " ", term)).second) return;
      Say(Cat(
          node, " leads ",
          first == kSystem ? std::string("the system group") : Cat("namespace ", first.substr(1)),
          " in term ", term));
      return;
    }
    for (const std::string_view word : {"boots,", "dies,", "stops:", "refuses", "loses", "stays"}) {
      if (first == word) return Say(Cat(node, " ", rest));
    }
  }

  void OfClient(std::string_view client, std::string_view rest) {
    std::string_view words = rest;
    const std::string_view verb = TakeWord(words);
    if (verb == "begins") {
      ++begun_;
      begun_ms_[std::string(client)] = now_ms_;
      return;
    }
    const std::size_t arrow = rest.rfind(" -> ");
    if (verb != "ends" || arrow == std::string_view::npos) return;
    std::string_view outcome = rest.substr(arrow + 4);
    const std::string word(TakeWord(outcome));
    if (ended_.contains(word)) ++ended_[word];
    const std::int64_t took = now_ms_ - begun_ms_[std::string(client)];
    if (took <= longest_ms_) return;
    longest_ms_ = took;
    longest_ = Cat(client, " ", rest.substr(5, 110));
  }

  std::int64_t now_ms_ = 0;
  std::vector<std::string> lines_;
  std::size_t left_out_ = 0;
  std::set<std::string> led_;
  std::uint64_t begun_ = 0;
  std::map<std::string, std::uint64_t> ended_{{"ok", 0}, {"fail", 0}, {"info", 0}};
  std::map<std::string, std::int64_t> begun_ms_;
  std::int64_t longest_ms_ = 0;
  std::string longest_;
};

}  // namespace

std::string Narrate(std::string_view trace) {
  Narrator narrator;
  while (!trace.empty()) {
    const std::size_t end = std::min(trace.find('\n'), trace.size());
    narrator.Take(trace.substr(0, end));
    trace.remove_prefix(std::min(end + 1, trace.size()));
  }
  return narrator.Text();
}

}  // namespace quorate::sim
