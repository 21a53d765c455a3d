#include "gateways/binance/decode.h"
#include "gateways/binance/json_text.h"

namespace halcyon::gateways::binance {

Scratch::Scratch() : impl_(std::make_unique<Impl>()) {}
Scratch::~Scratch() = default;
Scratch::Scratch(Scratch&&) noexcept = default;
Scratch& Scratch::operator=(Scratch&&) noexcept = default;

}  // namespace halcyon::gateways::binance
