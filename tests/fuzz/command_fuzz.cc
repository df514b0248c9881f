// tests/fuzz/command_fuzz.cc — bytes from clients, and what stands in log entries and session windows.
//
// Promises: refused or understood; what is understood comes back as the same value after encoding.
#include "engine/catalogue.h"
#include "engine/kv/command.h"
#include "engine/kv/envelope.h"
#include "engine/raft/codec.h"
#include "tests/fuzz/fuzz.h"

namespace quorate::fuzz {

std::vector<std::string> Examples() {
  const Version version{0, 17, 0};
  std::vector<std::string> examples;
  const std::vector<Command> commands = {
      Put{"key", "value"},
      PutIfAbsent{"key", ""},
      Delete{"key"},
      CasValue{"key", std::nullopt, "new"},
      CasValue{"key", "old", "new"},
      CasVersion{"key", version, "new"},
      Increment{"counter", -5},
      Batch{{{"a", std::monostate()}, {"b", version}, {"c", std::string("is")}},
            {{"a", "1"}, {"b", std::nullopt}}},
  };
  for (const Command& command : commands) examples.push_back(EncodeCommand(command));
  examples.push_back(EncodeQuery(Get{"key"}));
  examples.push_back(EncodeQuery(Range{"a", "z", 10}));
  examples.push_back(EncodeReply({ReplyStatus::kOk,
                                  Revision(9),
                                  {{"a", version, "value"}, {"b", Version(), std::nullopt}},
                                  "next"}));
  examples.push_back(EncodeCatalogueCommand(CreateNamespace{"orders", Mode::kStrong}));
  examples.push_back(EncodeCatalogueCommand(DropNamespace{GroupId(4)}));
  examples.push_back(EncodeCatalogueReply({CatalogueStatus::kCreated, GroupId(4)}));
  Catalogue catalogue = Catalogue::Bootstrap(ConfigurationOf({NodeId(1), NodeId(2), NodeId(3)}));
  const Nonce nonce{NodeId(2), Incarnation(1), BootNumber(3), SessionSeq(4)};
  const CatalogueCommand create = CreateNamespace{"orders", Mode::kStrong};
  catalogue.ApplyEntry(Index(5), EncodeNonce(nonce, EncodeCatalogueCommand(create)),
                       ConfigurationOf({NodeId(1), NodeId(2), NodeId(3)}), 64);
  examples.push_back(catalogue.Encode());
  Encode(ConfigurationOf({NodeId(1), NodeId(2), NodeId(3)}), examples.emplace_back());
  return examples;
}

bool Try(std::string_view bytes) {
  bool understood = false;
  if (const auto command = DecodeCommand(bytes); command.ok()) {
    understood = true;
    const auto again = DecodeCommand(EncodeCommand(*command));
    REQUIRE(again.ok() && *again == *command);
    REQUIRE(!Render(*command).empty());
  }
  if (const auto query = DecodeQuery(bytes); query.ok()) {
    understood = true;
    const auto again = DecodeQuery(EncodeQuery(*query));
    REQUIRE(again.ok() && *again == *query);
  }
  if (const auto reply = DecodeReply(bytes); reply.ok()) {
    understood = true;
    const auto again = DecodeReply(EncodeReply(*reply));
    REQUIRE(again.ok() && *again == *reply);
  }
  if (const auto command = DecodeCatalogueCommand(bytes); command.ok()) {
    understood = true;
    const auto again = DecodeCatalogueCommand(EncodeCatalogueCommand(*command));
    REQUIRE(again.ok() && *again == *command);
  }
  if (const auto reply = DecodeCatalogueReply(bytes); reply.ok()) {
    understood = true;
    const auto again = DecodeCatalogueReply(EncodeCatalogueReply(*reply));
    REQUIRE(again.ok() && *again == *reply);
  }
  if (const auto catalogue = Catalogue::Decode(bytes); catalogue.ok()) {
    understood = true;
    const auto again = Catalogue::Decode(catalogue->Encode());
    REQUIRE(again.ok() && *again == *catalogue);
  }
  if (const auto configuration = DecodeConfiguration(bytes); configuration.ok()) {
    understood = true;
    // The one of nobody stands where there is none yet.
    REQUIRE(configuration->IsValid() || *configuration == Configuration());
    std::string again;
    Encode(*configuration, again);
    REQUIRE(again == bytes);
  }
  return understood;
}

}  // namespace quorate::fuzz
