#pragma once

#include "domain/ids.h"
#include "gateways/session.h"

namespace halcyon::gateways {

/// The order session of an account whose keys are not there, at any venue: never connects, says
/// once that it is down for want of keys, and answers every command with `not_sent`, every question
/// with a list that is not complete. So the account does not trade, and everything else goes on.
class KeylessSession final : public Session {
 public:
  KeylessSession(domain::VenueId venue, domain::AccountId account)
      : venue_(venue), account_(account) {}

  Endpoint endpoint() const override { return {}; }
  void on_start(domain::Timestamp now, Actions& actions) override;
  void on_open(domain::Timestamp, Actions&) override {}
  void on_frame(const Frame&, Actions&) override {}
  void on_sign_of_life(domain::Timestamp) override {}
  void on_closed(std::string_view, domain::Timestamp, Actions&) override {}
  void on_rest(RestAnswer&, domain::Timestamp, Actions&) override {}
  void on_time(domain::Timestamp, Actions&) override {}
  domain::Timestamp next_deadline() const override { return domain::never; }
  void on_command(const domain::OrderCommand& command, domain::Timestamp now,
                  Actions& actions) override;
  void on_request(const domain::VenueRequest& request, domain::Timestamp now,
                  Actions& actions) override;

 private:
  domain::Event event_of(const domain::Event::What& what, domain::Timestamp now,
                         domain::InstrumentId instrument) const;

  domain::VenueId venue_;
  domain::AccountId account_;
};

}  // namespace halcyon::gateways
