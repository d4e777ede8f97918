// SPDX-License-Identifier: GPL-3.0-or-later
// Every number that holds when proxy.toml is silent, each with its reason.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace config {

// Not 80: a first start on a laptop must work without privileges.
inline constexpr uint16_t kListenPort = 8080;

// A target in the same network answers a SYN in milliseconds; one lost SYN is sent again after 1 s.
inline constexpr std::chrono::milliseconds kTimeoutConnect{2'000};
// The same patience as most browsers, load balancers and application servers have by default.
inline constexpr std::chrono::milliseconds kTimeoutFirstByte{60'000};
// Streams are quiet for minutes; a heartbeat every few minutes keeps them alive.
inline constexpr std::chrono::milliseconds kTimeoutIdle{300'000};
// Off: downloads and streams may last as long as bytes move.
inline constexpr std::chrono::milliseconds kTimeoutTotal{0};

// One other target for a connect that failed; more would multiply the load of an outage.
inline constexpr unsigned kRetryTimes = 1;
// Enough for any pool of targets worth trying; above it a typing mistake is likelier.
inline constexpr unsigned kRetryTimesMax = 10;

// Often enough to see a dead target before most users do; a probe costs a target nothing.
inline constexpr std::chrono::milliseconds kHealthEvery{5'000};
// A health page that takes longer is no sign of health.
inline constexpr std::chrono::milliseconds kHealthTimeout{2'000};
// One lost probe is chance, three are not; who answers again twice has settled.
inline constexpr unsigned kHealthRise = 2;
inline constexpr unsigned kHealthFall = 3;
inline constexpr unsigned kHealthTimesMax = 100;
// So many in a row are no longer the fault of the requests.
inline constexpr unsigned kOutlierErrors = 5;
// A row that is longer than this is seen by users first.
inline constexpr unsigned kOutlierErrorsMax = 1000;
// Errors that lie further apart are not one outage.
inline constexpr std::chrono::milliseconds kOutlierWindow{10'000};
// Long enough for a restart; the doubling takes care of longer ones.
inline constexpr std::chrono::milliseconds kOutlierEject{10'000};
// As long as replicas usually lag behind.
inline constexpr std::chrono::milliseconds kWriterAffinity{1'000};

// As kamal-proxy has it: most bodies need no file then. The least is what a block of memory holds.
inline constexpr uint64_t kBufferMemory = 1024 * 1024;
inline constexpr uint64_t kBufferMemoryMin = 4 * 1024;
inline constexpr uint64_t kBufferMemoryMax = 1024 * 1024 * 1024;

// Before a target is tried once more: nobody waits longer for an answer.
inline constexpr std::chrono::milliseconds kRetryBackoffMax{30'000};

// Of one client in any period, and at once: above these a typing mistake is likelier, and the clock's
// ticks are too coarse.
inline constexpr uint64_t kRateMax = 100'000;
inline constexpr uint64_t kBurstMax = 1'000'000;
// How long a burst may take to come back.
inline constexpr std::chrono::milliseconds kBurstPeriodMax{365ll * 86'400'000};

// Larger than any cookie jar a browser sends (browsers stop near 16 KiB for one domain's worth).
inline constexpr uint64_t kLimitHeadBytes = 64 * 1024;
// Long enough for signed URLs and OAuth redirects; links beyond 8 KiB break elsewhere already.
inline constexpr uint64_t kLimitLineBytes = 16 * 1024;
// Real requests have 10–40 fields; each costs a slot that is set aside per connection.
inline constexpr uint64_t kLimitFields = 128;
// Per worker: about 1 GiB of connection state at worst, well below a raised NOFILE.
inline constexpr uint64_t kLimitConnections = 100'000;
// No limit in practice; a bound, so that no counter of one connection can wrap.
inline constexpr uint64_t kLimitRequests = 10'000'000;
// Above the 60 s at which common load balancers in front of us drop idle connections: they
// close first, so no request of theirs meets our close.
inline constexpr std::chrono::milliseconds kLimitKeepalive{75'000};
// A head is one or two packets; ten seconds is generous for a phone and short for a slow attack.
inline constexpr std::chrono::milliseconds kLimitHead{10'000};
// An upload that stands still this long has lost its network.
inline constexpr std::chrono::milliseconds kLimitBody{30'000};
// Lets load balancers that balance by connection spread out again after a scale-up.
inline constexpr std::chrono::milliseconds kLimitLifetime{3'600'000};
// As generous to targets as to clients: what one may send, the other may answer.
inline constexpr uint64_t kLimitHeaderOutBytes = 64 * 1024;
// What RFC 9113 section 6.5.2 asks for at least is 100.
inline constexpr uint64_t kLimitH2Streams = 128;

// Idle connections kept per target and worker: as many as a few clients of HTTP/2 make busy at once,
// so that a burst finds them warm.
inline constexpr uint64_t kUpstreamMaxIdle = 1024;
// Below the 65–75 s after which common application servers close: we close first.
inline constexpr std::chrono::milliseconds kUpstreamKeepalive{60'000};

// Same as `docker stop` waits before it kills.
inline constexpr std::chrono::milliseconds kGrace{10'000};

inline constexpr unsigned kWorkersMax = 1024;

// Requests in progress, and connections of one target: above these a typing mistake is likelier.
inline constexpr uint64_t kConcurrencyMax = 10'000'000;
inline constexpr uint64_t kTargetConnectionsMax = 1'000'000;

// A target's largest weight; higher ratios than 1000:1 are a typing mistake.
inline constexpr unsigned kWeightMax = 1000;

// Header fields set or removed by one site: every one costs time on every request.
inline constexpr unsigned kHeaderEditsMax = 64;
// Header fields that one site's log shows, in each direction: a line of the log must stay readable.
inline constexpr unsigned kLoggedHeadersMax = 32;
// Paths that one site does not count: each is compared with every request.
inline constexpr unsigned kUncountedPathsMax = 64;

// Origins, methods or headers that `cors` of one site names: each is compared with a request's.
inline constexpr unsigned kCorsNamesMax = 64;
// Parameters that the log does not show: each is compared with every parameter of a query.
inline constexpr unsigned kRedactedMax = 64;
// Whatever grants something to who has it: passwords, tokens and keys by their usual names, and the
// signatures of signed addresses.
inline constexpr std::array<std::string_view, 15> kRedacted = {
    "access_token",    "api_key",
    "apikey",          "client_secret",
    "id_token",        "key",
    "password",        "refresh_token",
    "secret",          "sig",
    "signature",       "token",
    "x-amz-signature", "x-amz-security-token",
    "x-goog-signature"};

// Bounds of the reader itself: a wrong path (a disk image, a log) must not fill the memory.
inline constexpr uint64_t kFileBytesMax = 64 * 1024 * 1024;
inline constexpr uint64_t kSecretFileBytesMax = 1024 * 1024;
inline constexpr unsigned kFilesMax = 4096;
// A broken generator must not bury the reader: after this many problems the rest is counted only.
inline constexpr unsigned kDiagnosticsMax = 1000;

}  // namespace config
