// engine/base/wide.h — integers of 128 bits, for products that must not overflow.
//
// Model: an extension of both compilers, named here once so that `-Wpedantic` stays on everywhere else.
#pragma once

namespace quorate {

__extension__ typedef unsigned __int128 Uint128;
__extension__ typedef __int128 Int128;

}  // namespace quorate
