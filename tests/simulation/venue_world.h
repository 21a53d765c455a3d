#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "simulation/binance_request.h"
#include "simulation/binance_venue.h"
#include "simulation/signature.h"
#include "tests/simulation/recording.h"
#include "tests/simulation/scratch.h"

namespace halcyon::simulation::testing {

namespace json = boost::json;

/// One Ed25519 key pair for all tests of a process.
struct KeyPair {
  KeyPair() {
    const Scratch scratch;
    make_key(scratch.path / "keys");
    private_pem = read_text(scratch.path / "keys/ed25519.pem");
    public_pem = read_text(scratch.path / "keys/ed25519.pub.pem");
  }
  std::string private_pem;
  std::string public_pem;
};
inline const KeyPair& key_pair() {
  static const KeyPair pair;
  return pair;
}

inline AccountSettings ed25519_account(std::string name) {
  AccountSettings account;
  account.api_key = name + "-key";
  account.name = std::move(name);
  account.ed25519_public_pem = key_pair().public_pem;
  account.balances = {{"USDT", *domain::parse<Money>("10000")},
                      {"BTC", *domain::parse<Money>("10")}};
  return account;
}
inline AccountSettings hmac_account(std::string name) {
  auto account = ed25519_account(std::move(name));
  account.ed25519_public_pem.clear();
  account.hmac_secret = "secret";
  return account;
}

/// A venue over the small recording, with the lines' other ends in the test's hand.
struct VenueWorld {
  explicit VenueWorld(BinanceSettings settings = {}) : venue(BinanceVenue::make(settings)) {
    venue->add_listing(builtin_rules().front(),
                       Replay{parse_tape(small_recording, "small"), 1, true});
    venue->add_account(ed25519_account("main"));
    venue->add_account(hmac_account("other"));
    venue->turn(now, actions);
    collect();
  }

  /// Opens a line and returns its number.
  ConnectionId open(const std::string& target) {
    const auto id = static_cast<ConnectionId>(++lines);
    const auto refused = venue->open(id, target, now, actions);
    refusal = refused;
    collect();
    return id;
  }
  void send(ConnectionId line, const json::value& frame) {
    send_text(line, json::serialize(frame));
  }
  void send_text(ConnectionId line, std::string_view text) {
    venue->on_text(line, text, now, actions);
    collect();
  }
  /// Lets time pass, turning whenever something is due.
  void pass(Duration span) {
    const auto until = now + span;
    for (;;) {
      const auto due = std::max(now, venue->next_deadline());
      if (due > until) break;
      now = due;
      venue->turn(now, actions);
      collect();
    }
    now = until;
    venue->turn(now, actions);
    collect();
  }
  /// What a line has received since the last look.
  std::vector<json::value> take(ConnectionId line) {
    std::vector<json::value> frames;
    for (const auto& text : std::exchange(received[line], {})) frames.push_back(json::parse(text));
    return frames;
  }
  json::value request(ConnectionId line, std::string_view method, json::object params) {
    take(line);
    send(line, json::object{{"id", "r"}, {"method", method}, {"params", std::move(params)}});
    for (auto& frame : std::exchange(received[line], {})) {
      auto parsed = json::parse(frame);
      if (parsed.as_object().contains("id") && !answer_taken) {
        answer_taken = true;
        answer = std::move(parsed);
      } else {
        events.push_back(std::move(parsed));
      }
    }
    if (!std::exchange(answer_taken, false)) answer = nullptr;
    return answer;
  }
  /// A request of a logged-on session.
  json::value order(ConnectionId line, std::string_view method, json::object params) {
    params["timestamp"] = domain::to_unix_ms(now);
    return request(line, method, std::move(params));
  }
  json::object logon_params(std::string_view key = "main-key") {
    json::object params{{"apiKey", key}, {"timestamp", domain::to_unix_ms(now)}};
    Params to_sign;
    to_sign.add("apiKey", std::string{key});
    to_sign.add("timestamp", std::to_string(domain::to_unix_ms(now)));
    params["signature"] = sign_ed25519(key_pair().private_pem, to_sign.signed_payload());
    return params;
  }
  /// A line that is logged on and hears the user data.
  ConnectionId trader() {
    const auto line = open("/ws-api/v3");
    EXPECT_EQ(request(line, "session.logon", logon_params()).at("status"), 200);
    EXPECT_EQ(request(line, "userDataStream.subscribe", {}).at("status"), 200);
    return line;
  }
  HttpAnswer http(std::string method, std::string target, std::string body = {},
                  std::map<std::string, std::string> headers = {}) {
    auto said = venue->on_http(
        {std::move(method), std::move(target), std::move(headers), std::move(body)}, now, actions);
    collect();
    return said;
  }
  void collect() {
    for (const auto& action : std::exchange(actions, {})) {
      if (const auto* text = std::get_if<SendText>(&action)) {
        received[text->connection].push_back(*text->text);
      } else if (const auto* ping = std::get_if<SendPing>(&action)) {
        pings[ping->connection].push_back(ping->payload);
      } else {
        const auto& close = std::get<CloseConnection>(action);
        closed[close.connection] = close;
        venue->on_closed(close.connection);
      }
    }
  }

  std::unique_ptr<BinanceVenue> venue;
  Timestamp now = domain::from_unix_ms(1'700'000'000'000);
  Actions actions;
  std::uint64_t lines = 0;
  std::optional<HttpAnswer> refusal;
  std::map<ConnectionId, std::vector<std::string>> received;
  std::map<ConnectionId, std::vector<std::string>> pings;
  std::map<ConnectionId, CloseConnection> closed;
  std::vector<json::value> events;
  json::value answer;
  bool answer_taken = false;
};

}  // namespace halcyon::simulation::testing
