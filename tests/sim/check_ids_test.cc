// tests/sim/check_ids_test.cc — the list of checks, its documentation, and the code that reports them are one.
#include "sim/check/ids.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace quorate::sim {
namespace {

namespace fs = std::filesystem;

std::string TextOf(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

fs::path Root() {
  const char* root = std::getenv("QUORATE_ROOT");
  EXPECT_NE(root, nullptr);
  return root == nullptr ? "." : root;
}

std::set<std::string> Listed() {
  std::set<std::string> ids;
  for (std::size_t i = 0; i < kChecks; ++i) ids.insert(IdOf(static_cast<Check>(i)));
  return ids;
}

// What stands in the first column of a table, several ids separated by commas.
std::set<std::string> Documented() {
  std::set<std::string> ids;
  std::istringstream lines(TextOf(Root() / "docs" / "invariants.md"));
  const std::regex row(R"(^\| ([A-Z]+-?[0-9a-z]*) \|.*)");
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (!std::regex_match(line, found, row)) continue;
    EXPECT_TRUE(ids.insert(found[1]).second) << line;
  }
  return ids;
}

TEST(CheckIds, AreAllDifferentAndFoundAgain) {
  EXPECT_EQ(Listed().size(), kChecks);
  for (std::size_t i = 0; i < kChecks; ++i) {
    const auto check = static_cast<Check>(i);
    EXPECT_EQ(CheckOf(IdOf(check)), check);
  }
  EXPECT_EQ(CheckOf("I-99"), std::nullopt);
  EXPECT_EQ(CheckOf(""), std::nullopt);
}

TEST(CheckIds, MeanWhatTheDocumentationSays) {
  const std::string page = TextOf(Root() / "docs" / "invariants.md");
  for (std::size_t i = 0; i < kChecks; ++i) {
    const auto check = static_cast<Check>(i);
    const std::string row = std::string("| ") + IdOf(check) + " | " + MeaningOf(check) + " |";
    EXPECT_NE(page.find(row), std::string::npos) << row;
  }
}

TEST(CheckIds, AreThoseOfTheDocumentation) { EXPECT_EQ(Documented(), Listed()); }

// Somewhere outside of the list each check is named, and named by a test that makes it find something.
TEST(CheckIds, AreUsedByTheCodeAndByTests) {
  std::string code;
  for (const auto& entry : fs::recursive_directory_iterator(Root() / "sim")) {
    if (entry.path().extension() != ".cc" || entry.path().filename() == "ids.cc") continue;
    code += TextOf(entry.path());
  }
  std::string tests;
  for (const auto& entry : fs::directory_iterator(Root() / "tests" / "sim")) {
    if (entry.path().filename() == "check_ids_test.cc") continue;
    if (entry.is_regular_file()) tests += TextOf(entry.path());
  }
  std::istringstream names(TextOf(Root() / "sim" / "check" / "ids.h"));
  const std::regex row(R"(^  (k[A-Za-z]+), +// ([A-Z]+-?[0-9a-z]*)$)");
  std::size_t count = 0;
  for (std::string line; std::getline(names, line);) {
    std::smatch found;
    if (!std::regex_match(line, found, row)) continue;
    ++count;
    const std::string name = found[1];
    const std::string id = found[2];
    EXPECT_EQ(CheckOf(id).has_value(), true) << line;
    EXPECT_NE(code.find("Check::" + name), std::string::npos) << "nobody reports " << id;
    EXPECT_NE(tests.find('"' + id + '"'), std::string::npos) << "no test makes " << id << " speak";
  }
  EXPECT_EQ(count, kChecks);
}

}  // namespace
}  // namespace quorate::sim
