// tests/fuzz/history_fuzz.cc — a history that anybody may have recorded.
//
// Promises: read or refused with one line that begins with a line's number; what is EDN is the same after it was
//   written and read again, and so is a history of our own; one more blank line says nothing.
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "sim/history/edn.h"
#include "sim/history/formats.h"
#include "sim/history/jsonl.h"
#include "tests/fuzz/fuzz.h"

namespace quorate::fuzz {
namespace {

constexpr std::uint64_t kBudget = 2000;

constexpr const char* kRegister = R"(; a register
[#jepsen.history.Op{:process 0, :type :invoke, :f :write, :value 1, :time 5, :index 0}
 {:process 1 :type :invoke :f :read :value nil} #_ nothing
 {:process 0 :type :info :f :write :value 1 :error [:timeout "x\u0041"]}
 {:process :nemesis :type :info :f :start :value {:n #{"n1" \a 1/2}}}
 {:process 1 :type :ok :f :read :value 1}
 {:process 2 :type :invoke :f :cas :value [1 nil]} ^:m {:process 2 :type :fail :f :cas :value [1 nil]}])";

constexpr const char* kVersioned = R"({:process 0 :type :invoke :f :write :value ["k" [nil 1.5]]}
{:process 0 :type :ok :f :write :value ["k" [1 1.50]]}
{:process 1 :type :invoke :f :read :value ["k" [nil nil]]}
{:process 1 :type :ok :f :read :value ["k" [1 15e-1]]}
{:process 1 :type :invoke :f :cas :value [:j [nil [+1 2N]]]}
{:process 1 :type :info :f :cas :value [:j [nil [1 2]]]}
)";

constexpr const char* kKeys = R"({:process 0, :type :invoke, :f :put, :key "a", :value "x"}
{:process 1, :type :invoke, :f :append, :key "a", :value "y"}
{:process 0, :type :ok, :f :put, :key "a", :value "x"}
{:process 2, :type :invoke, :f :get, :key "a", :value nil}
{:process 1, :type :ok, :f :append, :key "a", :value "y"}
{:process 2, :type :ok, :f :get, :key "a", :value "xy"}
)";

constexpr const char* kEtcd =
    "INFO  jepsen.util - 0\t:invoke\t:write\t4\nINFO  jepsen.util - 1\t:invoke\t:cas\t[4 5]\n"
    "INFO  jepsen.util - 0\t:ok\t:write\t4\nWARN  jepsen.core - x\nINFO  jepsen.util - "
    "1\t:info\t:cas\t:timed-out\n"
    "INFO  jepsen.util - 2 \t:invoke :read \tnil \t:hint 0\nINFO  jepsen.util - 2 \t:ok :read \t5 "
    "\t:hint 2\n";

constexpr const char* kOurs = R"({"quorate_history":1,"seed":1,"commit":"c","scenario":"s"}
{"i":1,"t":0,"p":1,"ty":"invoke","f":"put","k":"a","v":"1","ns":1,"s":5,"q":1}
{"i":2,"t":0,"p":2,"ty":"invoke","f":"batch","if":[{"k":"a","v":"1"},{"k":"b","absent":true}],"do":[{"k":"a","v":null}],"ns":1}
{"i":3,"t":1,"p":1,"ty":"ok","st":1,"rev":1,"rows":[{"k":"a","ver":[0,3,0],"v":null}],"w":{"era":0,"index":3},"node":1}
{"i":4,"t":1,"p":2,"ty":"info","node":2}
{"i":5,"t":2,"p":3,"ty":"invoke","f":"scan","from":"","to":"z","limit":2,"ns":1}
{"i":6,"t":2,"p":3,"ty":"ok","st":1,"rev":1,"rows":[{"k":"a","ver":[0,3,0],"v":"1"}],"next":"b","w":{"era":0,"index":3},"node":1}
{"i":7,"t":3,"p":1,"ty":"invoke","f":"casv","k":"a","exp":[0,3,0],"v":"\u00ff","ns":1}
{"i":8,"t":3,"p":4,"ty":"invoke","f":"incr","k":"n","by":-2,"ns":1}
{"i":9,"t":3,"p":4,"ty":"ok","st":1,"rev":2,"rows":[{"k":"n","ver":[0,4,0],"v":"-2"}],"w":{"era":0,"index":4},"node":1}
)";

void TryEdn(std::string_view bytes) {
  const absl::StatusOr<std::vector<sim::Edn>> values = sim::ReadEdn(bytes);
  if (!values.ok()) return;
  for (const sim::Edn& value : *values) {
    const std::string text = sim::Render(value);
    const absl::StatusOr<std::vector<sim::Edn>> again = sim::ReadEdn(text);
    REQUIRE(again.ok());
    REQUIRE(again->size() == 1);
    REQUIRE(sim::Render(again->front()) == text);
  }
}

void TryOurs(std::string_view bytes) {
  const absl::StatusOr<sim::History> history = sim::ReadHistory(bytes);
  if (!history.ok()) return;
  const absl::StatusOr<sim::History> again = sim::ReadHistory(sim::WriteHistory(*history));
  REQUIRE(again.ok());
  REQUIRE(*again == *history);
}

}  // namespace

std::vector<std::string> Examples() { return {kRegister, kVersioned, kKeys, kEtcd, kOurs}; }

bool Try(std::string_view bytes) {
  TryEdn(bytes);
  TryOurs(bytes);
  const absl::StatusOr<sim::CheckReport> report = sim::CheckText(bytes, kBudget);
  if (!report.ok()) {
    const std::string line(report.status().message());
    REQUIRE(line.starts_with("line "));
    REQUIRE(line.find('\n') == std::string::npos);
    return false;
  }
  const absl::StatusOr<sim::CheckReport> again = sim::CheckText(std::string(bytes) + "\n", kBudget);
  REQUIRE(again.ok());
  REQUIRE(again->verdict == report->verdict);
  return true;
}

}  // namespace quorate::fuzz
