#include "sim/cli/narrate.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "sim/check/ids.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kFirstLines = 300;
constexpr std::size_t kLastLines = 100;
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

std::string NameOfGroup(std::string_view group) {
  return group == kSystem ? "the system group" : Cat("namespace ", group.substr(1));
}

using Names = std::set<std::string, std::less<>>;

std::string Joined(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

// "n1>n3 n3>n1 n2>n3 n3>n2" → "between n1 n2 | n3". Sides, if all links between them and none within are cut both
// ways; else from whom to whom.
std::string TellLinks(std::string_view links) {
  std::map<std::string, Names> to;  // by sender
  Names all;
  while (!links.empty()) {
    const std::string_view link = TakeWord(links);
    const std::size_t arrow = link.find('>');
    if (arrow == std::string_view::npos) continue;
    const std::string from(link.substr(0, arrow));
    const std::string into(link.substr(arrow + 1));
    to[from].insert(into);
    all.insert({from, into});
  }
  std::map<Names, Names> senders;  // by those who do not hear them
  for (const auto& [from, into] : to) senders[into].insert(from);
  bool sides = true;
  std::size_t cut_off = 0;
  for (const auto& [into, from] : senders) {
    sides = sides && into.size() + from.size() == all.size();
    cut_off += from.size();
  }
  sides = sides && cut_off == all.size();
  std::string text;
  for (const auto& [into, from] : senders) {
    if (sides) {
      text += (text.empty() ? "between " : " | ") + Joined(from);
    } else {
      text += Cat(text.empty() ? "from " : ", from ", Joined(from), " to ", Joined(into));
    }
  }
  return text;
}

// Of an entry of the schedule as the trace has it: whom it met, and what stands in the file.
std::string TellEntry(std::string_view rest) {
  std::string_view text = rest;
  const std::string who(TakeWord(text));
  const auto entry = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!entry.is_object() || !entry.contains("do")) return std::string(rest);
  std::string told = entry.value("do", "");
  if (IsNumbered(who, 'n')) told += " " + who;
  if (entry.contains("node") && entry["node"].is_string() && who != "nobody")
    told += ", the leader";
  for (const auto& [key, value] : entry.items()) {
    static const std::set<std::string> kTold = {"at", "on", "do", "node", "for"};
    // What is cut follows in a line of its own.
    if (kTold.contains(key) || key == "groups" || (key == "links" && told == "cut")) continue;
    told += Cat(", ", key, " ", value.is_string() ? value.get<std::string>() : value.dump());
  }
  if (entry.contains("for")) told += Cat(", for ", entry["for"].get<std::string>());
  if (who == "nobody") told += ": nobody leads, and nothing is done";
  return told;
}

// "network.clog n1>n2 until 2.021618382" → "network.clog n1>n2 begins, until 2.021 s"
std::string TellFault(std::string_view rest) {
  constexpr std::string_view kUntil = " until ";
  const std::size_t at = rest.find(kUntil);
  if (at == std::string_view::npos) return Cat(rest, " begins");
  return Cat(rest.substr(0, at), " begins, until ",
             Seconds(Milliseconds(rest.substr(at + kUntil.size()))));
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
    if (who == "fault") return Say(TellFault(rest));
    if (who == "over") return Say(Cat(rest, " is over"));
    if (who == "scheduled") return Say(Cat("as scheduled: ", TellEntry(rest)));
    if (who == "cut") return Say(Cat("  nothing passes ", TellLinks(rest)));
    if (who == "members" || line.starts_with("the administrator")) return OfMembers(line);
    if (line.starts_with("the core is healed") || line.starts_with("from here on"))
      Say(std::string(line));
  }

  void Violated(const Violation& violation) {
    Say(Cat(violation.id, " is violated, at event ", violation.event, ": ", violation.what));
    if (const auto check = CheckOf(violation.id))
      Say(Cat("  what should hold: ", MeaningOf(*check)));
  }

  std::string Text() const {
    std::string text;
    for (const std::string& line : first_) text += line;
    if (left_out_ > 0) text += Cat("              … ", left_out_, " lines are left out here\n");
    for (const std::string& line : last_) text += line;
    const std::uint64_t ok = ended_.at("ok");
    const std::uint64_t fail = ended_.at("fail");
    const std::uint64_t info = ended_.at("info");
    text += Cat("\nclients      ", begun_, " operations: ", ok, " ok, ", fail,
                " certainly not applied, ", info, " unknown, ", begun_ - ok - fail - info,
                " open at the end");
    if (longest_ms_ > 0) text += Cat("; the longest took ", Seconds(longest_ms_), ": ", longest_);
    return text + "\n";
  }

 private:
  void Say(const std::string& what) {
    std::string time = Seconds(now_ms_);
    time.insert(0, time.size() < 12 ? 12 - time.size() : 0, ' ');
    if (first_.size() < kFirstLines) {
      first_.push_back(Cat(time, "  ", what, "\n"));
      return;
    }
    last_.push_back(Cat(time, "  ", what, "\n"));
    if (last_.size() <= kLastLines) return;
    last_.pop_front();
    ++left_out_;
  }

  void OfNode(std::string_view node, std::string_view rest) {
    std::string_view words = rest;
    const std::string_view first = TakeWord(words);
    if (IsNumbered(first, 'g')) {
      const std::string_view role = TakeWord(words);
      TakeWord(words);  // "term"
      const std::string term(TakeWord(words));
      const std::pair<std::string, std::string> place(node, first);
      if (role != "leader") {
        if (leading_.erase(place) > 0) Say(Cat(node, " leads ", NameOfGroup(first), " no more"));
        return;
      }
      leading_.insert(place);
      if (!led_.insert(Cat(first, " ", term)).second) return;
      Say(Cat(node, " leads ", NameOfGroup(first), " in term ", term));
      return;
    }
    if (first == "dies," || first == "stops:")
      std::erase_if(leading_, [&](const auto& place) { return place.first == node; });
    for (const std::string_view word : {"boots,", "dies,", "stops:", "refuses", "loses", "stays"}) {
      if (first == word) return Say(Cat(node, " ", rest));
    }
  }

  // "… group 1 …" → "… namespace 1 …"
  void OfMembers(std::string_view line) {
    constexpr std::string_view kGroup = "group ";
    const std::size_t at = line.find(kGroup);
    if (at == std::string_view::npos) return;
    Say(Cat(line.substr(0, at), "namespace ", line.substr(at + kGroup.size())));
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
  std::vector<std::string> first_;
  std::deque<std::string> last_;
  std::size_t left_out_ = 0;
  std::set<std::string> led_;                              // group and term
  std::set<std::pair<std::string, std::string>> leading_;  // node and group
  std::uint64_t begun_ = 0;
  std::map<std::string, std::uint64_t> ended_{{"ok", 0}, {"fail", 0}, {"info", 0}};
  std::map<std::string, std::int64_t> begun_ms_;
  std::int64_t longest_ms_ = 0;
  std::string longest_;
};

}  // namespace

std::string Narrate(std::string_view trace, const std::optional<Violation>& violation) {
  Narrator narrator;
  while (!trace.empty()) {
    const std::size_t end = std::min(trace.find('\n'), trace.size());
    narrator.Take(trace.substr(0, end));
    trace.remove_prefix(std::min(end + 1, trace.size()));
  }
  if (violation) narrator.Violated(*violation);
  return narrator.Text();
}

}  // namespace quorate::sim
