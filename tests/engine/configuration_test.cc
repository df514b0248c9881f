// tests/engine/configuration_test.cc — entering and leaving joint configurations.
//
// Facts of etcd-io/raft's confchange/testdata are ported where the rules agree. They differ on purpose in
// three points: changes that contradict each other are refused (there the last one wins), a change that
// names nobody is refused (there it is ignored), and more than one voter changed makes a joint state by
// itself under kAuto (there a separate call refuses it).
#include "engine/raft/configuration.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace quorate {
namespace {

using Changes = absl::InlinedVector<MemberChange, 4>;

// "v1 l2 r3": vote, listen, remove.
Changes Parse(const std::string& text) {
  Changes changes;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    const ChangeKind kind = word[0] == 'v'   ? ChangeKind::kAddVoter
                            : word[0] == 'l' ? ChangeKind::kAddLearner
                                             : ChangeKind::kRemove;
    changes.push_back({kind, NodeId(static_cast<std::uint32_t>(std::stoul(word.substr(1))))});
  }
  return changes;
}

// What a change leads to, or "refused"; a configuration that is reached must be valid and one epoch on.
std::string After(Configuration& current, const std::string& changes, Transition transition) {
  const absl::StatusOr<Configuration> next = Enter(current, Parse(changes), transition);
  if (!next.ok()) return "refused";
  EXPECT_TRUE(next->IsValid()) << Render(*next);
  EXPECT_EQ(next->epoch, current.epoch + 1);
  current = *next;
  return Render(current);
}
std::string Auto(Configuration& current, const std::string& changes) {
  return After(current, changes, Transition::kAuto);
}
std::string Explicit(Configuration& current, const std::string& changes) {
  return After(current, changes, Transition::kJointExplicit);
}
std::string Implicit(Configuration& current, const std::string& changes) {
  return After(current, changes, Transition::kJointImplicit);
}
std::string LeaveJoint(Configuration& current) {
  const absl::StatusOr<Configuration> next = Leave(current);
  if (!next.ok()) return "refused";
  EXPECT_TRUE(next->IsValid()) << Render(*next);
  EXPECT_EQ(next->epoch, current.epoch + 1);
  EXPECT_FALSE(next->auto_leave);
  current = *next;
  return Render(current);
}

Configuration Of(std::initializer_list<std::uint32_t> voters) {
  NodeSet set;
  for (const std::uint32_t node : voters) Insert(set, NodeId(node));
  return ConfigurationOf(set);
}

TEST(Enter, JointStateIsEnteredAndLeftOnlyInTurn) {  // joint_safety
  Configuration c;
  EXPECT_EQ(LeaveJoint(c), "refused");
  EXPECT_EQ(Explicit(c, ""), "refused");
  EXPECT_EQ(Explicit(c, "v1"), "refused");
  EXPECT_EQ(Auto(c, "v1"), "(1)");
  EXPECT_EQ(LeaveJoint(c), "refused");
  EXPECT_EQ(Explicit(c, ""), "(1)&&(1)");
  EXPECT_EQ(Explicit(c, ""), "refused");
  EXPECT_EQ(LeaveJoint(c), "(1)");
  EXPECT_EQ(LeaveJoint(c), "refused");
  EXPECT_EQ(Explicit(c, "r1 v2 v3 l4"), "(2 3)&&(1) learners=(4)");
  EXPECT_EQ(Explicit(c, ""), "refused");
  EXPECT_EQ(Explicit(c, "v12"), "refused");
  EXPECT_EQ(Auto(c, "l15"), "refused");
  EXPECT_EQ(LeaveJoint(c), "(2 3) learners=(4)");
  EXPECT_EQ(Auto(c, "l9"), "(2 3) learners=(4 9)");
}

TEST(Enter, AutoLeaveIsSaidByTheConfiguration) {  // joint_autoleave
  Configuration c = Of({1});
  EXPECT_EQ(Implicit(c, "v2 v3"), "(1 2 3)&&(1) autoleave");
  EXPECT_EQ(Explicit(c, ""), "refused");
  EXPECT_EQ(LeaveJoint(c), "(1 2 3)");
}

TEST(Enter, ADemotedVoterListensOnlyOnceTheJointStateIsLeft) {  // joint_learners_next
  Configuration c = Of({1});
  EXPECT_EQ(Explicit(c, "v2 l1"), "(2)&&(1) learners_next=(1)");
  EXPECT_TRUE(c.IsVoter(NodeId(1)));
  EXPECT_EQ(LeaveJoint(c), "(2) learners=(1)");
  EXPECT_FALSE(c.IsVoter(NodeId(1)));
  EXPECT_TRUE(c.IsMember(NodeId(1)));
}

TEST(Enter, RepeatedAndAbsentNodesDoNoHarmInAJointChange) {  // joint_idempotency
  Configuration c = Of({1});
  EXPECT_EQ(Explicit(c, "r9 v3 v3 l2 l2 r4 r4 l1 l1"), "(3)&&(1) learners=(2) learners_next=(1)");
  EXPECT_EQ(LeaveJoint(c), "(3) learners=(1 2)");
}

TEST(Enter, ChangesThatContradictEachOtherAreRefused) {
  Configuration c = Of({1, 2, 3});
  EXPECT_EQ(Auto(c, "v2 l2"), "refused");
  EXPECT_EQ(Auto(c, "l1 v1"), "refused");
  EXPECT_EQ(Explicit(c, "v4 r4"), "refused");
  EXPECT_EQ(Auto(c, "v4 v4"), "(1 2 3 4)");
}

TEST(Enter, NodeZeroIsNobody) {  // zero
  Configuration c = Of({1});
  EXPECT_EQ(Auto(c, "v0"), "refused");
  EXPECT_EQ(Auto(c, "v2 r0"), "refused");
  EXPECT_EQ(Render(c), "(1)");
}

TEST(Enter, OneVoterAtATimeNeedsNoJointState) {  // simple_safety, update
  Configuration c;
  EXPECT_EQ(Auto(c, "l1"), "refused");
  EXPECT_EQ(Auto(c, "v1"), "(1)");
  EXPECT_EQ(Auto(c, "v2 l3"), "(1 2) learners=(3)");
  Configuration other = c;
  EXPECT_EQ(Auto(other, "r1 v5"), "(2 5)&&(1 2) learners=(3) autoleave");
  other = c;
  EXPECT_EQ(Auto(other, "v3 v4"), "(1 2 3 4)&&(1 2) autoleave");
  other = c;
  EXPECT_EQ(Auto(other, "l1 v5"), "(2 5)&&(1 2) learners=(3) learners_next=(1) autoleave");
  EXPECT_EQ(Auto(c, "r1 r2"), "refused");
  EXPECT_EQ(Auto(c, "l1 l2"), "refused");
  EXPECT_EQ(Auto(c, "l2 l3 l4 l5"), "(1) learners=(2 3 4 5)");
  EXPECT_EQ(Auto(c, "r1"), "refused");
  EXPECT_EQ(Auto(c, "r2 r3 r4 r5"), "(1)");
  EXPECT_EQ(Auto(c, ""), "(1)");
}

TEST(Enter, RepeatingASimpleChangeChangesNothingButTheEpoch) {  // simple_idempotency
  Configuration c = Of({1});
  EXPECT_EQ(Auto(c, "v1"), "(1)");
  EXPECT_EQ(Auto(c, "v2"), "(1 2)");
  EXPECT_EQ(Auto(c, "l1"), "(2) learners=(1)");
  EXPECT_EQ(Auto(c, "l1"), "(2) learners=(1)");
  EXPECT_EQ(Auto(c, "r1"), "(2)");
  EXPECT_EQ(Auto(c, "r1"), "(2)");
  EXPECT_EQ(Auto(c, "v3"), "(2 3)");
  EXPECT_EQ(Auto(c, "r3"), "(2)");
  EXPECT_EQ(Auto(c, "r3"), "(2)");
  EXPECT_EQ(Auto(c, "r4"), "(2)");
}

TEST(Enter, PromotesAndDemotes) {  // simple_promote_demote
  Configuration c = Of({1});
  EXPECT_EQ(Auto(c, "v2"), "(1 2)");
  EXPECT_EQ(Auto(c, "v3"), "(1 2 3)");
  EXPECT_EQ(Auto(c, "l2"), "(1 3) learners=(2)");
  EXPECT_EQ(Auto(c, "v2"), "(1 2 3)");
}

TEST(Enter, AJointStateLeadsWhereTheSimpleChangesLeadOneByOne) {
  const std::string changes[] = {"v4", "r1", "l2", "v5", "r3", "l4", "l6", "r7", "v2"};
  for (unsigned mask = 1; mask < 1u << std::size(changes); ++mask) {
    std::string together;
    Configuration one_by_one = Of({1, 2, 3});
    for (std::size_t i = 0; i < std::size(changes); ++i) {
      if ((mask >> i & 1u) == 0) continue;
      together += changes[i] + " ";
    }
    Configuration joint = Of({1, 2, 3});
    if (Explicit(joint, together) == "refused") continue;
    ASSERT_NE(LeaveJoint(joint), "refused");
    bool possible = true;
    for (std::size_t i = 0; i < std::size(changes) && possible; ++i) {
      if ((mask >> i & 1u) == 0) continue;
      possible = Auto(one_by_one, changes[i]) != "refused";
    }
    if (!possible) continue;  // one by one, the last voter would have gone on the way
    EXPECT_EQ(Render(joint), Render(one_by_one)) << together;
  }
}

TEST(Enter, EveryReachableConfigurationIsValidAndKeepsOneMajorityInCommon) {
  const std::string kinds = "vlr";
  for (unsigned code = 0; code < 4096; ++code) {
    std::string changes;
    for (unsigned i = 0, rest = code; i < 4; ++i, rest /= 8) {
      const unsigned choice = rest % 8;
      if (choice < 3) changes += kinds.substr(choice, 1) + std::to_string(i + 1) + " ";
    }
    const Configuration before = Of({1, 2, 3});
    Configuration c = before;
    if (Auto(c, changes) == "refused") continue;
    if (c.joint()) {
      EXPECT_EQ(c.outgoing, before.incoming);
      EXPECT_TRUE(c.auto_leave);
    } else {
      unsigned changed = 0;
      for (std::uint32_t node = 1; node <= 4; ++node) {
        changed += before.IsVoter(NodeId(node)) != c.IsVoter(NodeId(node)) ? 1 : 0;
      }
      EXPECT_LE(changed, 1u) << changes;
    }
  }
}

TEST(Configuration, IsInvalidWhenItBreaksItsRules) {
  EXPECT_TRUE(Of({1, 2}).IsValid());
  EXPECT_FALSE(Configuration{}.IsValid());
  Configuration c = Of({1, 2});
  c.learners = {NodeId(2)};
  EXPECT_FALSE(c.IsValid()) << "a voter that only listens";
  c = Of({1, 2});
  c.learners_next = {NodeId(3)};
  EXPECT_FALSE(c.IsValid()) << "learners_next without a joint state";
  c.outgoing = {NodeId(3)};
  EXPECT_TRUE(c.IsValid());
  c.learners_next = {NodeId(2)};
  EXPECT_FALSE(c.IsValid()) << "a future learner that goes on voting";
  c = Of({1, 2});
  c.incoming = {NodeId(2), NodeId(1)};
  EXPECT_FALSE(c.IsValid()) << "not sorted";
  c.incoming = {NodeId(1), NodeId(1)};
  EXPECT_FALSE(c.IsValid()) << "twice";
  c.incoming = {NodeId(0), NodeId(1)};
  EXPECT_FALSE(c.IsValid()) << "nobody votes";
  c = Of({1});
  c.auto_leave = true;
  EXPECT_FALSE(c.IsValid()) << "nothing to leave";
}

TEST(Configuration, MembersAreEverybodyOnce) {
  Configuration c = Of({1, 2});
  ASSERT_EQ(Explicit(c, "r1 v3 l4 l2"), "(3)&&(1 2) learners=(4) learners_next=(2)");
  EXPECT_EQ(c.Members(), (NodeSet{NodeId(1), NodeId(2), NodeId(3), NodeId(4)}));
}

TEST(Configuration, SurvivesItsEncoding) {
  Configuration c = Of({1, 200, 70000});
  c.epoch = 77;
  ASSERT_NE(Implicit(c, "r1 v3 l4 l200"), "refused");
  for (const Configuration& each : {c, Of({5}), Configuration{}}) {
    std::string bytes;
    Encode(each, bytes);
    const absl::StatusOr<Configuration> back = DecodeConfiguration(bytes);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, each);
  }
}

TEST(Configuration, DamagedBytesAreRefusedAndNeverInvalid) {
  Configuration c = Of({1, 2, 3});
  ASSERT_NE(Implicit(c, "r1 v5 l4 l2"), "refused");
  std::string bytes;
  Encode(c, bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeConfiguration(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodeConfiguration(bytes + '\0').ok());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(value);
      const absl::StatusOr<Configuration> read = DecodeConfiguration(damaged);
      if (read.ok()) {
        EXPECT_TRUE(read->IsValid());
      }
    }
  }
}

}  // namespace
}  // namespace quorate
