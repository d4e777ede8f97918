// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/certificate.h"

#include <arpa/inet.h>
#include <wolfssl/options.h>
// The options come first.
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <optional>
#include <string_view>

#include "tls/der.h"

namespace tls {
namespace {

struct FreeDer {
  void operator()(DerBuffer* der) const { ::wc_FreeDer(&der); }
};

// A certificate's text ends up on terminals and in logs.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// wolfSSL keeps the issuer's common name only in its OpenSSL build. A Name is a list of
// { OID, string }, and a common name has at most 64 characters (RFC 5280 appendix A.1).
std::string common_name(std::string_view name_der) {
  static constexpr std::string_view kCommonName("\x06\x03\x55\x04\x03", 5);
  const std::size_t at = name_der.find(kCommonName);
  if (at == name_der.npos) return "";
  std::string_view value = name_der.substr(at + kCommonName.size());
  if (value.size() < 2 || static_cast<unsigned char>(value[1]) > 0x7f) return "";
  return printable(value.substr(2, static_cast<unsigned char>(value[1])));
}

std::string address_text(const DNS_entry& entry) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (entry.len != 4 && entry.len != 16) return "";
  const int family = entry.len == 4 ? AF_INET : AF_INET6;
  return ::inet_ntop(family, entry.name, text.data(), text.size());
}

std::vector<std::string> names_of(const DecodedCert& cert) {
  std::vector<std::string> names;
  for (const DNS_entry* entry = cert.altNames; entry != nullptr; entry = entry->next) {
    const std::string_view text(entry->name, static_cast<std::size_t>(entry->len));
    if (entry->type == ASN_DNS_TYPE) names.push_back(lower(printable(text)));
    if (entry->type == ASN_IP_TYPE) names.push_back(address_text(*entry));
  }
  if (!cert.extSubjAltNameSet && cert.subjectCN != nullptr) {
    const std::string_view text(cert.subjectCN, static_cast<std::size_t>(cert.subjectCNLen));
    names.push_back(lower(printable(text)));
  }
  std::erase(names, "");
  std::ranges::sort(names);  // wolfSSL's order depends on how it was built
  return names;
}

// wolfSSL puts each in front of those before it, unless it imitates OpenSSL.
const DNS_entry* first_of(const DNS_entry* entry) {
#if !defined(OPENSSL_EXTRA) || defined(WOLFSSL_ALT_NAMES_NO_REV)
  while (entry != nullptr && entry->next != nullptr) entry = entry->next;
#endif
  return entry;
}

std::string raw_holder(const DecodedCert& cert) {
  if (cert.subjectCN != nullptr && cert.subjectCNLen > 0)
    return {cert.subjectCN, static_cast<std::size_t>(cert.subjectCNLen)};
  const DNS_entry* name = first_of(cert.altNames != nullptr ? cert.altNames : cert.altEmailNames);
  if (name == nullptr) return "";
  if (name->type == ASN_IP_TYPE) return address_text(*name);
  return {name->name, static_cast<std::size_t>(name->len)};
}

std::string escape_holder(std::string_view name) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool at_end = i == 0 || i + 1 == name.size();
    if (c > 0x20 && c < 0x7f && c != '%') {
      out += name[i];
    } else if (c == ' ' && !at_end) {
      out += ' ';
    } else {
      out += {'%', kHex[c >> 4U], kHex[c & 15U]};
    }
  }
  return out;
}

std::optional<std::int64_t> seconds_of(const byte* date, int date_length) {
  const byte* text = nullptr;
  byte format = 0;
  int length = 0;
  std::tm parts{};
  if (::wc_GetDateInfo(date, date_length, &text, &format, &length) != 0) return std::nullopt;
  if (::wc_GetDateAsCalendarTime(text, length, format, &parts) != 0) return std::nullopt;
  return ::timegm(&parts);
}

std::string bytes_of(const byte* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

std::expected<Certificate, std::string> content_of(const DecodedCert& cert) {
  const std::optional<std::int64_t> not_before = seconds_of(cert.beforeDate, cert.beforeDateLen);
  const std::optional<std::int64_t> not_after = seconds_of(cert.afterDate, cert.afterDateLen);
  if (!not_before || !not_after) return std::unexpected("the certificate's dates are unreadable");

  Certificate out;
  out.info.names = names_of(cert);
  out.info.not_before = *not_before;
  out.info.not_after = *not_after;
  // wolfSSL points behind the header of each Name.
  const std::string subject =
      bytes_of(cert.subjectRaw, static_cast<std::size_t>(cert.subjectRawLen));
  const std::string issuer = bytes_of(cert.issuerRaw, static_cast<std::size_t>(cert.issuerRawLen));
  out.info.subject = common_name(subject);
  out.info.issuer = common_name(issuer);
  out.subject_der = der::sequence({subject});
  out.is_ca = cert.isCA;
  out.key_id = bytes_of(cert.extSubjKeyId, sizeof cert.extSubjKeyId);
  if (cert.extAuthKeyIdSet)
    out.authority_key_id = bytes_of(cert.extAuthKeyId, sizeof cert.extAuthKeyId);
  return out;
}

}  // namespace

std::expected<Certificate, std::string> parse_certificate(const std::string& pem) {
  DerBuffer* raw = nullptr;
  const int found =
      ::wc_PemToDer(reinterpret_cast<const unsigned char*>(pem.data()),
                    static_cast<long>(pem.size()), CERT_TYPE, &raw, nullptr, nullptr, nullptr);
  const std::unique_ptr<DerBuffer, FreeDer> der(raw);
  if (found != 0) {
    const bool is_key = pem.find("PRIVATE KEY-----") != pem.npos;
    return std::unexpected(is_key
                               ? "there is no certificate in it, but a private key: the two "
                                 "files may have been swapped"
                               : "there is no certificate in it: it must be PEM text with a line "
                                 "-----BEGIN CERTIFICATE-----");
  }

  // Hundreds of bytes of names: too large for the stack of whoever calls.
  auto cert = std::make_unique<DecodedCert>();
  ::wc_InitDecodedCert(cert.get(), der->buffer, der->length, nullptr);
  const int parsed = ::wc_ParseCert(cert.get(), CERT_TYPE, NO_VERIFY, nullptr);
  std::expected<Certificate, std::string> out =
      parsed == 0 ? content_of(*cert)
                  : std::unexpected(std::string("the certificate is damaged: ") +
                                    ::wc_GetErrorString(parsed));
  ::wc_FreeDecodedCert(cert.get());
  return out;
}

std::string holder_of(std::string_view der) {
  auto cert = std::make_unique<DecodedCert>();
  ::wc_InitDecodedCert(cert.get(), reinterpret_cast<const byte*>(der.data()),
                       static_cast<word32>(der.size()), nullptr);
  const int parsed = ::wc_ParseCert(cert.get(), CERT_TYPE, NO_VERIFY, nullptr);
  std::string name = parsed == 0 ? escape_holder(raw_holder(*cert)) : "";
  ::wc_FreeDecodedCert(cert.get());
  return name.size() <= kHolderBytesMax ? name : "";
}

}  // namespace tls
