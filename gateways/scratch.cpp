#include "gateways/decode.h"
#include "gateways/json_text.h"

namespace halcyon::gateways {

Scratch::Scratch() : impl_(std::make_unique<Impl>()) {}
Scratch::~Scratch() = default;
Scratch::Scratch(Scratch&&) noexcept = default;
Scratch& Scratch::operator=(Scratch&&) noexcept = default;

}  // namespace halcyon::gateways
