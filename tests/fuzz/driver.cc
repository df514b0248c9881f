// tests/fuzz/driver.cc — runs a fuzz target on spoiled examples, repeatably.
//
// Model: input `number` of a seed is one of the target's examples after a few spoilings, all keyed by (seed,
//   number). Before each input the number is noted, so that whatever ends the process names it.
// Usage: TARGET [--seed N] [--runs N] [--only N] [FILE...]; files are tried as they are.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/prf.h"
#include "tests/fuzz/fuzz.h"

namespace quorate::fuzz {
namespace {

std::uint64_t current_seed = 0;
std::uint64_t current_number = 0;

void SayWhere() {
  std::fprintf(stderr, "fuzz: found with --seed %llu --only %llu\n",
               static_cast<unsigned long long>(current_seed),
               static_cast<unsigned long long>(current_number));
}

void OnSignal(int signal) {
  SayWhere();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// Choices of one input, in order.
class Choices {
 public:
  Choices(std::uint64_t seed, std::uint64_t number) : seed_(seed), number_(number) {}
  std::uint64_t Bits() { return Prf(seed_, NameKey("fuzz.choice"), number_, k_++); }
  std::size_t Below(std::size_t n) {
    return static_cast<std::size_t>(quorate::Below(Bits(), static_cast<std::uint64_t>(n)));
  }

 private:
  std::uint64_t seed_;
  std::uint64_t number_;
  std::uint64_t k_ = 0;
};

constexpr unsigned char kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff,
                                    '"',  '{',  '}',  '[',  '-',  '9'};

std::string RandomBytes(Choices& choices, std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(choices.Bits() & 0xff));
  return bytes;
}

void SpoilOnce(Choices& choices, const std::vector<std::string>& examples, std::string& bytes) {
  if (bytes.empty()) bytes = RandomBytes(choices, 1 + choices.Below(16));
  const std::size_t at = choices.Below(bytes.size());
  const std::size_t length = 1 + choices.Below(std::min<std::size_t>(bytes.size() - at, 16));
  switch (choices.Below(9)) {
    case 0:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << choices.Below(8)));
      break;
    case 1:
      bytes[at] = static_cast<char>(kEdges[choices.Below(std::size(kEdges))]);
      break;
    case 2:
      bytes[at] = static_cast<char>(choices.Bits() & 0xff);
      break;
    case 3:
      bytes.erase(at, length);
      break;
    case 4:
      bytes.insert(at, bytes.substr(at, length));
      break;
    case 5:
      bytes.insert(at, RandomBytes(choices, length));
      break;
    case 6:
      bytes.resize(at);
      break;
    case 7:  // a number as great as can be
      for (std::size_t i = at; i < std::min(bytes.size(), at + 8); ++i)
        bytes[i] = static_cast<char>(0xff);
      break;
    default: {  // goes on as another example
      const std::string& other = examples[choices.Below(examples.size())];
      if (!other.empty()) bytes = bytes.substr(0, at) + other.substr(choices.Below(other.size()));
    }
  }
}

std::string InputOf(const std::vector<std::string>& examples, std::uint64_t seed,
                    std::uint64_t number) {
  if (number < examples.size()) return examples[number];
  Choices choices(seed, number);
  std::string bytes = examples[choices.Below(examples.size())];
  const std::size_t times = 1 + choices.Below(1 + choices.Below(8));
  for (std::size_t i = 0; i < times; ++i) SpoilOnce(choices, examples, bytes);
  return bytes;
}

int Run(const std::vector<std::string>& words) {
  std::uint64_t runs = 20'000;
  std::uint64_t first = 0;
  std::vector<std::string> files;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with("--")) {
      files.push_back(words[i]);
      continue;
    }
    const std::uint64_t value =
        i + 1 < words.size() ? std::strtoull(words[i + 1].c_str(), nullptr, 10) : 0;
    if (words[i] == "--seed") {
      current_seed = value;
    } else if (words[i] == "--runs") {
      runs = value;
    } else if (words[i] == "--only") {
      first = value;
      runs = value + 1;
    } else {
      std::fprintf(stderr, "usage: [--seed N] [--runs N] [--only N] [FILE...]\n");
      return 64;
    }
    ++i;
  }
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    Try(std::string(std::istreambuf_iterator<char>(in), {}));
  }
  if (!files.empty()) return 0;
  const std::vector<std::string> examples = Examples();
  std::uint64_t understood = 0;
  for (current_number = first; current_number < runs; ++current_number) {
    if (Try(InputOf(examples, current_seed, current_number))) ++understood;
  }
  std::printf("%llu inputs of seed %llu, %zu examples, %llu understood\n",
              static_cast<unsigned long long>(runs - first),
              static_cast<unsigned long long>(current_seed), examples.size(),
              static_cast<unsigned long long>(understood));
  return 0;
}

}  // namespace
}  // namespace quorate::fuzz

int main(int argc, char** argv) {
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    std::signal(signal, quorate::fuzz::OnSignal);
  }
  return quorate::fuzz::Run(std::vector<std::string>(argv + 1, argv + argc));
}
