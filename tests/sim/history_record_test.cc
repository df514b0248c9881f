// The recorder: places, processes, outcomes.
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/sim/history_testing.h"

namespace quorate::sim {
namespace {

TEST(Recorder, PlacesAreOneTotalOrder) {
  Script s;
  const OpId a = s.Invoke(1, ReadOf("k"));
  const OpId b = s.Invoke(2, ReadOf("k"));
  s.Ok(b, SawNothing("k", 0));
  s.Ok(a, SawNothing("k", 0));
  EXPECT_EQ(s.at(a).invoked, Place(0));
  EXPECT_EQ(s.at(b).invoked, Place(1));
  EXPECT_EQ(s.at(b).completed, Place(2));
  EXPECT_EQ(s.at(a).completed, Place(3));
}

TEST(Recorder, AfterAnInfoTheClientGoesOnAsAnotherProcess) {
  Script s;
  const OpId lost = s.Invoke(1, Command(Put{"k", "a"}));
  s.Info(lost);
  const OpId next = s.Invoke(1, ReadOf("k"));
  s.Fail(next);
  const OpId same = s.Invoke(1, ReadOf("k"));
  EXPECT_EQ(s.at(lost).process, Process(1));
  EXPECT_EQ(s.at(next).process, Process(1 + kProcessStride));
  EXPECT_EQ(s.at(same).process, s.at(next).process);
}

TEST(Recorder, WhatIsStillOpenCountsAsInfo) {
  Script s;
  const OpId open = s.Invoke(1, Command(Put{"k", "a"}));
  EXPECT_EQ(s.at(open).outcome(), OutcomeClass::kInfo);
  EXPECT_EQ(s.at(open).completed, kNoPlace);
}

[[noreturn]] void Throw(const CheckFailure& failure) {
  throw std::runtime_error(failure.condition);
}

TEST(Recorder, AClientHasOneOperationOpen) {
  const CheckHandler before = SetCheckHandler(Throw);
  Script s;
  const OpId open = s.Invoke(1, ReadOf("k"));
  EXPECT_THROW(s.Invoke(1, ReadOf("k")), std::runtime_error);
  s.Fail(open);
  EXPECT_THROW(s.Fail(open), std::runtime_error);
  SetCheckHandler(before);
}

}  // namespace
}  // namespace quorate::sim
