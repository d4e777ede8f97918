// SPDX-License-Identifier: GPL-3.0-or-later
// Everything the data plane knows about routing, at one moment. Built by control, immutable, shared
// by the workers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/route/certificates.h"
#include "engine/route/limits.h"
#include "engine/route/listen.h"
#include "engine/route/places.h"
#include "engine/route/service.h"
#include "engine/route/table.h"
#include "engine/route/target.h"
#include "engine/route/target_connections.h"
#include "engine/route/trust.h"

namespace engine::route {

struct Snapshot {
  std::uint64_t generation = 0;
  std::shared_ptr<const Table> table;
  std::vector<std::shared_ptr<const Service>> services;     // by service_index
  std::vector<std::shared_ptr<const Target>> targets;       // by target_index
  std::vector<std::shared_ptr<const Addresses>> addresses;  // by target_index
  std::vector<std::shared_ptr<TargetConnections>>
      connections;  // by target_index; outlives a reload
  // Requests in progress, counted only when there is a limit; the same in every snapshot.
  std::shared_ptr<Places> requests = std::make_shared<Places>();
  std::shared_ptr<const TrustList> trust;
  ProxyProtocol proxy_protocol = ProxyProtocol::Off;
  std::shared_ptr<const Limits> limits;
  std::vector<std::string> redacted;  // parameters of queries whose values no log shows
  std::vector<std::shared_ptr<const Listen>> listens;
  std::shared_ptr<const Certificates> certificates;
  std::shared_ptr<const tls::TicketKeys> ticket_keys;
  // To find what a worker already holds after a reload: objects that live on keep their identity.
  std::unordered_map<const Service*, std::uint32_t> service_index_of;
  std::unordered_map<const Target*, std::uint32_t> target_index_of;
};

}  // namespace engine::route
