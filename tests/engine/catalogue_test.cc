#include "engine/catalogue.h"

#include <gtest/gtest.h>

#include "tests/engine/kv_testing.h"

namespace quorate {
namespace {

using S = CatalogueStatus;

Configuration Members(std::uint32_t count) {
  NodeSet voters;
  for (std::uint32_t i = 1; i <= count; ++i) voters.push_back(NodeId(i));
  return ConfigurationOf(voters);
}

struct Log {
  CatalogueReply Do(const CatalogueCommand& command) {
    index = Next(index);
    return catalogue.Apply(index, EncodeCatalogueCommand(command), members);
  }
  // The same command as the `seq`-th of node 1 in its life `boot`.
  Catalogue::Applied DoAs(std::uint64_t boot, std::uint64_t seq, const CatalogueCommand& command) {
    index = Next(index);
    const Nonce nonce{NodeId(1), Incarnation(1), BootNumber(boot), SessionSeq(seq)};
    return catalogue.ApplyEntry(index, EncodeNonce(nonce, EncodeCatalogueCommand(command)), members,
                                /*nonce_window=*/4);
  }
  Configuration members = Members(3);
  Catalogue catalogue = Catalogue::Bootstrap(members);
  Index index;
};

CatalogueReply Reply(S status, std::uint32_t number) { return {status, GroupId(number)}; }

TEST(Catalogue, IsBornWithTheDefaultNamespace) {
  const Catalogue catalogue = Catalogue::Bootstrap(Members(3));
  ASSERT_EQ(catalogue.namespaces().size(), 1u);
  GroupId number(9);
  const NamespaceInfo* info = catalogue.Find("default", &number);
  ASSERT_NE(info, nullptr);
  EXPECT_EQ(number, kDefaultNamespace);
  EXPECT_EQ(*info, (NamespaceInfo{"default", Mode::kStrong, Index(0), Members(3)}));
  EXPECT_EQ(catalogue.Find("other", &number), nullptr);
}

TEST(Catalogue, GivesEachNamespaceANumberThatIsNeverGivenAgain) {
  Log log;
  EXPECT_EQ(log.Do(CreateNamespace{"a"}), Reply(S::kCreated, 1));
  EXPECT_EQ(log.Do(CreateNamespace{"b"}), Reply(S::kCreated, 2));
  EXPECT_EQ(log.Do(DropNamespace{GroupId(2)}), Reply(S::kDropped, 2));
  EXPECT_EQ(log.Do(DropNamespace{GroupId(2)}), Reply(S::kNotFound, 2));
  EXPECT_EQ(log.Do(CreateNamespace{"b"}), Reply(S::kCreated, 3));
  EXPECT_EQ(log.catalogue.namespaces().size(), 3u);
}

TEST(Catalogue, RemembersWhereANamespaceWasBornAndUnderWhichConfiguration) {
  Log log;
  log.Do(CreateNamespace{"a"});
  log.members = Members(5);
  log.Do(CreateNamespace{"b"});
  EXPECT_EQ(*log.catalogue.Find("a", nullptr),
            (NamespaceInfo{"a", Mode::kStrong, Index(1), Members(3)}));
  EXPECT_EQ(*log.catalogue.Find("b", nullptr),
            (NamespaceInfo{"b", Mode::kStrong, Index(2), Members(5)}));
}

TEST(Catalogue, CreatingANameThatLivesAnswersWithItsNumber) {
  Log log;
  log.Do(CreateNamespace{"a"});
  const Digest before = log.catalogue.digest();
  EXPECT_EQ(log.Do(CreateNamespace{"a"}), Reply(S::kExists, 1));
  EXPECT_EQ(log.Do(CreateNamespace{"a", Mode::kEventual}), Reply(S::kOtherMode, 1));
  EXPECT_EQ(log.Do(CreateNamespace{"default"}), Reply(S::kExists, 0));
  EXPECT_EQ(log.catalogue.digest(), before);
}

TEST(Catalogue, RefusesBadNamesAndWhatThisReleaseHasNot) {
  Log log;
  const Digest before = log.catalogue.digest();
  for (const std::string& name :
       {std::string(), std::string("1a"), std::string("A"), std::string("a b"), std::string("-a"),
        std::string("a/b"), std::string("\xc3\xa4"), std::string(65, 'a')}) {
    EXPECT_EQ(log.Do(CreateNamespace{name}), Reply(S::kBadName, 0)) << name;
  }
  EXPECT_EQ(log.Do(CreateNamespace{"e", Mode::kEventual}), Reply(S::kNotSupported, 0));
  EXPECT_EQ(log.Do(DropNamespace{kDefaultNamespace}), Reply(S::kNotSupported, 0));
  EXPECT_EQ(log.catalogue.digest(), before);
  EXPECT_EQ(log.Do(CreateNamespace{std::string(64, 'a')}).status, S::kCreated);
  EXPECT_EQ(log.Do(CreateNamespace{"a.b_c-9"}).status, S::kCreated);
}

TEST(Catalogue, HoldsSoManyAndNoMore) {
  Log log;
  for (std::size_t i = 1; i < Catalogue::kMaxNamespaces; ++i) {
    ASSERT_EQ(log.Do(CreateNamespace{"n" + std::to_string(i)}).status, S::kCreated);
  }
  EXPECT_EQ(log.Do(CreateNamespace{"more"}), Reply(S::kLimit, 0));
  EXPECT_EQ(log.Do(CreateNamespace{"n5"}), Reply(S::kExists, 5));
  EXPECT_EQ(log.Do(DropNamespace{GroupId(5)}).status, S::kDropped);
  EXPECT_EQ(log.Do(CreateNamespace{"more"}),
            Reply(S::kCreated, static_cast<std::uint32_t>(Catalogue::kMaxNamespaces)));
}

TEST(Catalogue, MalformedCommandsChangeNothingAndAreAnsweredSo) {
  Log log;
  const Digest before = log.catalogue.digest();
  const std::string good = EncodeCatalogueCommand(CreateNamespace{"a"});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(log.catalogue.Apply(Index(9), good.substr(0, size), log.members),
              Reply(S::kMalformed, 0));
  }
  std::string other_mode = good;
  other_mode.back() = 3;
  EXPECT_EQ(log.catalogue.Apply(Index(9), other_mode, log.members), Reply(S::kMalformed, 0));
  EXPECT_EQ(log.catalogue.Apply(Index(9), good + "x", log.members), Reply(S::kMalformed, 0));
  EXPECT_EQ(log.catalogue.Apply(Index(9), "\x07", log.members), Reply(S::kMalformed, 0));
  EXPECT_EQ(log.catalogue.digest(), before);
}

TEST(Catalogue, ASecondCopyOfACommandIsAnsweredAsTheFirstAndDoesNothing) {
  Log log;
  EXPECT_EQ(log.DoAs(1, 1, CreateNamespace{"a"}).reply, Reply(S::kCreated, 1));
  EXPECT_EQ(log.DoAs(1, 2, DropNamespace{GroupId(1)}).reply, Reply(S::kDropped, 1));
  // A copy that went another way and comes late must not bring the name back to life.
  const Catalogue::Applied late = log.DoAs(1, 1, CreateNamespace{"a"});
  EXPECT_EQ(late.reply, Reply(S::kCreated, 1));
  EXPECT_EQ(late.took_effect, Index(1));
  EXPECT_EQ(log.catalogue.Find("a", nullptr), nullptr);
  const Catalogue::Applied again = log.DoAs(1, 2, DropNamespace{GroupId(1)});
  EXPECT_EQ(again.reply, Reply(S::kDropped, 1));
  EXPECT_EQ(again.took_effect, Index(2));
  EXPECT_EQ(log.DoAs(1, 3, CreateNamespace{"a"}).reply, Reply(S::kCreated, 2));
}

TEST(Catalogue, WhatItRemembersOfCommandsIsBoundedAndNothingForgottenIsDoneAgain) {
  Log log;
  log.DoAs(1, 1, CreateNamespace{"a"});
  for (std::uint64_t seq = 2; seq <= 5; ++seq) log.DoAs(1, seq, DropNamespace{GroupId(1)});
  EXPECT_EQ(log.DoAs(1, 1, CreateNamespace{"a"}).reply, Reply(S::kForgotten, 0));
  EXPECT_EQ(log.DoAs(1, 2, DropNamespace{GroupId(1)}).reply, Reply(S::kDropped, 1));
  const std::size_t size = log.catalogue.Encode().size();
  for (std::uint64_t seq = 6; seq <= 40; ++seq) log.DoAs(1, seq, DropNamespace{GroupId(1)});
  EXPECT_EQ(log.catalogue.Encode().size(), size);
  EXPECT_EQ(log.DoAs(2, 1, CreateNamespace{"b"}).reply, Reply(S::kCreated, 2));
  EXPECT_EQ(log.DoAs(1, 41, CreateNamespace{"c"}).reply, Reply(S::kForgotten, 0));
  EXPECT_EQ(log.catalogue.Find("c", nullptr), nullptr);
}

TEST(Catalogue, AnEntryWithoutANonceIsMalformed) {
  Log log;
  const Digest before = log.catalogue.digest();
  for (const std::string& payload :
       {std::string(), std::string(24, '\0'), EncodeCatalogueCommand(CreateNamespace{"a"})}) {
    EXPECT_EQ(log.catalogue.ApplyEntry(Index(9), payload, log.members, 4).reply,
              Reply(S::kMalformed, 0));
  }
  EXPECT_EQ(log.catalogue.digest(), before);
}

TEST(CatalogueCodec, WhatWasEncodedDecodes) {
  for (const CatalogueCommand& command :
       {CatalogueCommand(CreateNamespace{"a", Mode::kEventual}),
        CatalogueCommand(CreateNamespace{}), CatalogueCommand(DropNamespace{GroupId(7)})}) {
    EXPECT_EQ(*DecodeCatalogueCommand(EncodeCatalogueCommand(command)), command);
  }
  for (std::uint8_t status = 1; status <= 10; ++status) {
    const CatalogueReply reply{static_cast<S>(status), GroupId(status * 3u)};
    EXPECT_EQ(*DecodeCatalogueReply(EncodeCatalogueReply(reply)), reply);
  }
  EXPECT_FALSE(DecodeCatalogueReply(std::string("\x0b\0\0\0\0", 5)).ok());
  EXPECT_FALSE(DecodeCatalogueReply(std::string(5, '\0')).ok());
  EXPECT_FALSE(DecodeCatalogueReply("\x01").ok());
}

TEST(CatalogueCodec, ACatalogueComesBackWithItsNextNumber) {
  Log log;
  log.Do(CreateNamespace{"a"});
  log.Do(CreateNamespace{"b"});
  log.DoAs(3, 7, DropNamespace{GroupId(2)});
  const std::string bytes = log.catalogue.Encode();
  const absl::StatusOr<Catalogue> decoded = Catalogue::Decode(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, log.catalogue);
  log.catalogue = *decoded;
  EXPECT_EQ(log.DoAs(3, 7, DropNamespace{GroupId(2)}).reply, Reply(S::kDropped, 2));
  EXPECT_EQ(log.Do(CreateNamespace{"c"}), Reply(S::kCreated, 3));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Catalogue::Decode(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(Catalogue::Decode(bytes + "x").ok());
}

TEST(CatalogueCodec, GarbledBytesAreRefusedOrAreTheOneEncodingOfAnother) {
  Log log;
  log.Do(CreateNamespace{"a"});
  log.DoAs(1, 1, CreateNamespace{"b"});
  log.DoAs(1, 3, DropNamespace{GroupId(1)});
  const std::string bytes = log.catalogue.Encode();
  Dice dice(5);
  for (int i = 0; i < 5000; ++i) {
    std::string garbled = bytes;
    garbled[dice.Roll(garbled.size())] = static_cast<char>(dice.Roll(256));
    const absl::StatusOr<Catalogue> decoded = Catalogue::Decode(garbled);
    if (!decoded.ok()) continue;
    ASSERT_EQ(decoded->Encode(), garbled);
  }
}

TEST(CatalogueCodec, TwoNamespacesOfOneNameOrOneNumberAreRefused) {
  Log log;
  log.Do(CreateNamespace{"a"});
  log.Do(CreateNamespace{"b"});
  const std::string bytes = log.catalogue.Encode();
  std::string same_name = bytes;
  same_name[same_name.find("\x01"
                           "b") +
            1] = 'a';
  EXPECT_FALSE(Catalogue::Decode(same_name).ok());
  std::string same_number = bytes;
  same_number[same_number.find("\x01"
                               "b") -
              4] = 1;
  EXPECT_FALSE(Catalogue::Decode(same_number).ok());
  std::string beyond_next = bytes;
  beyond_next[1] = 2;
  EXPECT_FALSE(Catalogue::Decode(beyond_next).ok());
}

}  // namespace
}  // namespace quorate
