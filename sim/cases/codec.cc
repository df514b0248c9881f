#include "sim/cases/codec.h"

#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>

#include "engine/base/bytes.h"
#include "engine/raft/codec.h"
#include "net/codec.h"
#include "sim/cases/fields.h"

namespace quorate::sim {
namespace {

// ---- enums ----------------------------------------------------------------------------------------------
// Those that are read. -Wswitch-enum tells of a new value.
bool IsKnown(Space space) {
  switch (space) {
    case Space::kEnough:
    case Space::kLow:
      return true;
  }
  return false;
}
bool IsKnown(RequestKind kind) {
  switch (kind) {
    case RequestKind::kWrite:
    case RequestKind::kRead:
    case RequestKind::kStaleRead:
    case RequestKind::kOpenSession:
    case RequestKind::kCatalogue:
      return true;
  }
  return false;
}
bool IsKnown(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kAddVoter:
    case ChangeKind::kAddLearner:
    case ChangeKind::kRemove:
      return true;
  }
  return false;
}
bool IsKnown(Transition transition) {
  switch (transition) {
    case Transition::kAuto:
    case Transition::kJointExplicit:
    case Transition::kJointImplicit:
      return true;
  }
  return false;
}

// ---- writing and reading -------------------------------------------------------------------------------

template <class T>
constexpr bool kIsNumber = false;
template <class Tag, class Rep>
constexpr bool kIsNumber<Strong<Tag, Rep>> = true;
template <class T>
concept List = requires(T list) {
  list.emplace_back();
};
template <class T>
concept Variant = requires {
  std::variant_size<T>::value;
};

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  template <class... T>
  void operator()(const T&... fields) {
    (Put(fields), ...);
  }

 private:
  template <class T>
  void Put(const T& x) {
    if constexpr (kIsNumber<T>) {
      out_.Varint(x.value());
    } else if constexpr (std::same_as<T, bool>) {
      out_.U8(x ? 1 : 0);
    } else if constexpr (std::unsigned_integral<T>) {
      out_.Varint(x);
    } else if constexpr (std::is_enum_v<T>) {
      out_.U8(static_cast<std::uint8_t>(x));
    } else if constexpr (std::same_as<T, Duration>) {
      out_.U64(static_cast<std::uint64_t>(x.ns));
    } else if constexpr (std::same_as<T, Payload>) {
      out_.Bytes(x.bytes());
    } else if constexpr (std::same_as<T, EntryId>) {
      EncodeEntryId(x, out_);
    } else if constexpr (std::same_as<T, Entry>) {
      EncodeEntry(x, out_);
    } else if constexpr (std::same_as<T, HardState>) {
      EncodeHardState(x, out_);
    } else if constexpr (std::same_as<T, Configuration>) {
      EncodeConfiguration(x, out_);
    } else if constexpr (std::same_as<T, LogStart>) {
      EncodeLogStart(x, out_);
    } else if constexpr (std::same_as<T, PeerMessage>) {
      std::string message;
      EncodePeerMessage(x, message);
      out_.Bytes(message);
    } else if constexpr (List<T>) {
      out_.Varint(x.size());
      for (const auto& item : x) Put(item);
    } else if constexpr (Variant<T>) {
      std::visit(
          [this]<class Kind>(const Kind& kind) {
            out_.U8(kTag<Kind>);
            Fields(*this, kind);
          },
          x);
    } else {
      Fields(*this, x);
    }
  }

  Encoder out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : in_(bytes) {}

  template <class... T>
  void operator()(T&... fields) {
    (Get(fields), ...);
  }
  bool done() const { return in_.done(); }

 private:
  template <class T>
  void Get(T& x) {
    if constexpr (kIsNumber<T>) {
      const std::uint64_t value = in_.Varint();
      if (value > std::numeric_limits<typename T::rep>::max()) return in_.Fail();
      x = T(static_cast<typename T::rep>(value));
    } else if constexpr (std::same_as<T, bool>) {
      const std::uint8_t value = in_.U8();
      if (value > 1) return in_.Fail();
      x = value == 1;
    } else if constexpr (std::unsigned_integral<T>) {
      static_assert(sizeof(T) == sizeof(std::uint64_t));
      x = in_.Varint();
    } else if constexpr (std::is_enum_v<T>) {
      x = static_cast<T>(in_.U8());
      if (!IsKnown(x)) in_.Fail();
    } else if constexpr (std::same_as<T, Duration>) {
      x.ns = static_cast<std::int64_t>(in_.U64());
    } else if constexpr (std::same_as<T, Payload>) {
      x = Payload(std::string(in_.Bytes()));
    } else if constexpr (std::same_as<T, EntryId>) {
      x = DecodeEntryId(in_);
    } else if constexpr (std::same_as<T, Entry>) {
      x = DecodeEntry(in_);
    } else if constexpr (std::same_as<T, HardState>) {
      x = DecodeHardState(in_);
    } else if constexpr (std::same_as<T, Configuration>) {
      x = DecodeConfiguration(in_);
    } else if constexpr (std::same_as<T, LogStart>) {
      x = DecodeLogStart(in_);
    } else if constexpr (std::same_as<T, PeerMessage>) {
      absl::StatusOr<PeerMessage> message = DecodePeerMessage(in_.Bytes());
      if (!message.ok()) return in_.Fail();
      x = *std::move(message);
    } else if constexpr (List<T>) {
      for (std::uint64_t left = in_.CountOf(1); left > 0 && in_.ok(); --left) Get(x.emplace_back());
    } else if constexpr (Variant<T>) {
      const auto fields = [this](auto& kind) { Fields(*this, kind); };
      if (!ListOf<T>::Emplace(in_.U8(), x, fields)) in_.Fail();
    } else {
      Fields(*this, x);
    }
  }

  Decoder in_;
};

template <class T>
std::string Encoded(const T& value) {
  std::string bytes;
  Writer write(bytes);
  write(value);
  return bytes;
}

template <class T>
absl::StatusOr<T> Decoded(std::string_view bytes, const char* what) {
  T value;
  Reader read(bytes);
  read(value);
  if (!read.done()) return absl::InvalidArgumentError(std::string("bytes that are no ") + what);
  return value;
}

}  // namespace

std::string EncodeInput(const Input& input) { return Encoded(input); }
absl::StatusOr<Input> DecodeInput(std::string_view bytes) { return Decoded<Input>(bytes, "input"); }

std::string EncodeRecovered(const Recovered& recovered) { return Encoded(recovered); }
absl::StatusOr<Recovered> DecodeRecovered(std::string_view bytes) {
  return Decoded<Recovered>(bytes, "recovered state");
}

Digest DigestOfEffects(const Effects& effects) { return DigestOf(Encoded(effects)); }

}  // namespace quorate::sim
