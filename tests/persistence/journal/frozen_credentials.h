#pragma once

#include "tests/persistence/journal/samples.h"

// Members that came later are left out on purpose: this journal was written without them.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace halcyon::persistence::testing {

/// The frame with this number in tests/data/journal/v1-credentials: what sealed secrets have added
/// to version 1. Never change what it gives for a number.
inline Content frozen_credentials(std::uint64_t number) {
  using namespace domain;
  Content content = sample(3);
  Event& event = content.input;
  event.sequence = number;
  event.received = from_unix_ns(1'763'700'000'123'456'789 + static_cast<std::int64_t>(number));
  event.venue_time = from_unix_ms(1'763'700'000'123);
  switch (number) {
    case 1:
      return sample(1);
    case 2: {
      // Longer than a short remark.
      const std::string sealed(248, 'Q');
      event.what = Command{92, UserId{2}, PutCredentials{2}};
      content.remark = "main api_key 1 abcd QUJD\nmain private_key 1 - " + sealed + "\nbecause";
      content.records = {{CredentialChanged{UserId{2}}, "main api_key 1 abcd QUJD"},
                         {CredentialChanged{UserId{2}}, "main private_key 1 - " + sealed},
                         {CommandAnswered{92, UserId{2}, true, Reason::none, 2}, ""}};
      break;
    }
    default:
      break;
  }
  return content;
}
inline constexpr std::uint64_t frozen_credentials_frames = 2;

}  // namespace halcyon::persistence::testing
