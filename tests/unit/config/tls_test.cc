// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/tls.h"

#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

using Strings = std::vector<std::string>;
using std::chrono_literals::operator""s;

std::string tls(const std::string& lines) { return "[tls]\n" + lines + "\n"; }
std::string site(const std::string& lines) {
  return "[routes.\"a.com\"]\nto = \"https://b\"\n" + lines + "\n";
}
const Site& first_site(const Result& result) { return result.config.sites.at(0); }

TEST(Tls, reads_every_key) {
  Result result =
      load_toml(tls("min = \"1.3\"\nredirect = true\nhsts = \"365d\"\nlocal_ca = false\n"
                    "files = [{ cert = \"/a.pem\", key = \"/a.key\" }, "
                    "{ cert = \"/b.pem\", key = \"/b.key\", default = true }]"));

  ASSERT_TRUE(result.ok()) << only_message(result);
  const Tls& found = result.config.tls;
  EXPECT_EQ(found.min, Tls::Version::Tls13);
  EXPECT_FALSE(found.local_ca);
  ASSERT_EQ(found.files.size(), 2u);
  EXPECT_EQ(found.files[0].cert, "/a.pem");
  EXPECT_EQ(found.files[0].key, "/a.key");
  EXPECT_FALSE(found.files[0].is_default);
  EXPECT_TRUE(found.files[1].is_default);
  EXPECT_EQ(found.files[1].where.text(), "proxy.toml:6");
  EXPECT_EQ(found.files[1].where.column, 47u);
}

TEST(Tls, a_value_that_is_wrong_says_what_to_write) {
  const std::pair<std::string, std::string> cases[] = {
      {"min = \"1.4\"", "2:7 error: \"1.4\" is not a value of \"min\" – write \"1.2\" or \"1.3\""},
      {"min = \"1.0\"", "2:7 error: TLS 1.0 is no longer safe, and browsers refuse it"},
      {"min = \"1.1\"", "2:7 error: TLS 1.1 is no longer safe, and browsers refuse it"},
      {"min = 1.2", "2:7 error: \"min\" takes \"1.2\" or \"1.3\", not a number with a point"},
      {"redirect = \"yes\"", "2:12 error: \"redirect\" takes true or false, not a string"},
      {"local_ca = 1", "2:12 error: \"local_ca\" takes true or false, not a whole number"},
      {"hsts = 31536000",
       "2:8 error: \"hsts\" takes a duration such as \"365d\", not a whole number"},
      {"hsts = \"1y\"", "2:8 error: \"1y\" is not a duration – write \"1s\", \"500ms\" or \"2m\""},
      {"hsts = \"1500ms\"", "2:8 error: \"hsts\" counts whole seconds"},
      {"redirct = true", "2:1 error: unknown key \"redirct\" in [tls]"},
      {"email = \"a@b.com\"", "2:1 error: \"email\" is not supported by this version"},
  };
  for (const auto& [line, problem] : cases) {
    EXPECT_EQ(problems(load_toml(tls(line))), Strings{problem}) << line;
  }
  EXPECT_EQ(only_hint(load_toml(tls("min = \"1.1\""))), "write \"1.2\" or \"1.3\"");
  EXPECT_EQ(only_hint(load_toml(tls("hsts = \"731d\""))),
            "a year is \"365d\", the most is \"730d\"");
  EXPECT_EQ(only_hint(load_toml(tls("redirct = true"))), "did you mean \"redirect\"?");
  EXPECT_EQ(only_message(load_toml("tls = true")), "\"tls\" takes a table, not true or false");
}

TEST(Tls, a_version_may_come_from_a_variable) {
  World world{{{"MIN", "1.3"}}, {}};

  EXPECT_EQ(load_toml(tls("min = \"${MIN}\""), world).config.tls.min, Tls::Version::Tls13);
}

TEST(Tls, every_problem_is_shown_in_one_run) {
  EXPECT_EQ(problems(load_toml(tls("min = \"1.0\"\nhsts = 1\nfiles = [{ cert = \"a\" }]"))).size(),
            3u);
}

TEST(ClientCa, belongs_to_a_site) {
  const Result result = load_toml(site("tls = { client_ca = \"/ca.pem\" }"));
  ASSERT_TRUE(result.ok()) << only_message(result);
  EXPECT_EQ(first_site(result).tls.client_ca, "/ca.pem");
  EXPECT_EQ(first_site(load_toml(site(""))).tls.client_ca, "");
  EXPECT_EQ(problems(load_toml(site("tls.client_ca = \"\""))),
            Strings{"3:17 error: \"client_ca\" takes the path of a PEM file"});
  EXPECT_EQ(problems(load_toml(tls("client_ca = \"/ca.pem\""))),
            Strings{"2:1 error: unknown key \"client_ca\" in [tls]"});
}

TEST(ClientCa, the_sites_of_one_host_agree) {
  const std::string asks = "tls.client_ca = \"/ca.pem\"\n";
  const std::string api = "[routes.\"a.com/api\"]\nto = 1\n";
  const Result differs = load_toml(site(asks) + api);
  EXPECT_EQ(only_message(differs),
            "\"a.com/api\" and \"a.com\" on line 1 share a handshake, but not \"client_ca\"");
  EXPECT_EQ(only_hint(differs),
            "write the same tls.client_ca for both, or give one of them another host");
  EXPECT_TRUE(load_toml(site(asks) + api + asks).ok());
  EXPECT_TRUE(load_toml(site(asks) + "[routes]\n\"b.com\" = 1\n\"*.a.com\" = 1\n").ok());
}

TEST(ClientCa, a_target_that_ends_tls_itself_asks_itself) {
  const Result result =
      load_toml("[routes.\"a.com\"]\nto = \"tls-passthrough:b\"\ntls.client_ca = \"/ca.pem\"\n");
  EXPECT_EQ(only_message(result), "\"client_ca\" has no effect where TLS ends at the target");
  EXPECT_EQ(only_hint(result), "leave it out: the target itself asks clients for certificates");
}

TEST(SiteCertificate, a_site_may_have_its_own) {
  const Result result = load_toml(tls("files = [{ cert = \"/a.pem\", key = \"/a.key\" }]") +
                                  site("tls = { cert = \"/b.pem\", key = \"/b.key\" }"));
  ASSERT_TRUE(result.ok()) << only_message(result);
  EXPECT_EQ(first_site(result).tls.cert, "/b.pem");
  const std::vector<Tls::Files> all = result.config.certificate_files();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].cert, "/b.pem");
  EXPECT_EQ(all[1].key, "/b.key");
}

TEST(SiteCertificate, a_certificate_is_read_once_for_all_its_sites) {
  const std::string own = "tls = { cert = \"/a.pem\", key = \"/a.key\" }\n";
  const Result result = load_toml(site(own) + "[routes.\"b.com\"]\nto = 1\n" + own +
                                  tls("files = [{ cert = \"/a.pem\", key = \"/a.key\" }]"));
  ASSERT_TRUE(result.ok()) << only_message(result);
  EXPECT_EQ(result.config.certificate_files().size(), 1u);
}

TEST(SiteCertificate, is_of_no_use_without_its_key) {
  const Result result = load_toml(site("tls = { cert = \"/b.pem\" }"));
  EXPECT_EQ(only_message(result), "\"cert\" is of no use without \"key\"");
  EXPECT_EQ(only_hint(result), "write both: cert = \"site.pem\", key = \"site.key\"");
}

TEST(SiteCertificate, the_sites_of_one_host_that_have_one_agree) {
  const std::string own = "tls = { cert = \"/b.pem\", key = \"/b.key\" }\n";
  const std::string api = "[routes.\"a.com/api\"]\nto = 1\n";
  EXPECT_TRUE(load_toml(site(own) + api).ok());
  EXPECT_TRUE(load_toml(site(own) + api + own).ok());
  EXPECT_EQ(
      only_message(load_toml(site(own) + api + "tls = { cert = \"/c.pem\", key = \"/b.key\" }")),
      "\"a.com/api\" and \"a.com\" on line 1 share a handshake, but not a certificate");
}

TEST(TlsFiles, a_file_that_is_wrong_is_reported_where_it_stands) {
  const std::pair<std::string, std::string> cases[] = {
      {"files = \"a.pem\"", "2:9 error: \"files\" takes a list of tables, not a string"},
      {"files = [\"a.pem\"]", "2:10 error: \"files\" takes a list of tables, not a string"},
      {"files = [{ cert = \"a.pem\" }]", "2:10 error: a certificate needs \"key\""},
      {"files = [{ key = \"a.key\" }]", "2:10 error: a certificate needs \"cert\""},
      {"files = [{ cert = \"\", key = \"k\" }]",
       "2:19 error: \"cert\" takes the path of a PEM file"},
      {"files = [{ cert = \"c\", key = \"\\n\" }]",
       "2:30 error: \"key\" takes the path of a PEM file"},
      {"files = [{ cert = 1, key = \"k\" }]",
       "2:19 error: \"cert\" takes a string, not a whole number"},
      {"files = [{ cert = \"c\", key = \"k\", default = 2 }]",
       "2:45 error: \"default\" takes true or false, not a whole number"},
      {"files = [{ crt = \"x\", cert = \"c\", key = \"k\" }]",
       "2:12 error: unknown key \"crt\" in \"files\" of [tls]"},
  };
  for (const auto& [line, problem] : cases) {
    EXPECT_EQ(problems(load_toml(tls(line))), Strings{problem}) << line;
  }
  EXPECT_EQ(only_hint(load_toml(tls("files = [{ crt = 1, cert = \"c\", key = \"k\" }]"))),
            "did you mean \"cert\"?");
}

TEST(TlsFiles, one_certificate_twice_is_an_error) {
  Result result =
      load_toml(tls("files = [{ cert = \"a\", key = \"b\" },\n{ cert = \"b\", key = \"c\" },\n"
                    "{ cert = \"a\", key = \"d\" }]"));

  EXPECT_EQ(problems(result), Strings{"4:1 error: certificate \"a\" is already on line 2"});
  EXPECT_EQ(only_hint(result), "keep one of the two");
}

TEST(TlsFiles, two_defaults_are_an_error) {
  Result result =
      load_toml(tls("files = [{ cert = \"a\", key = \"a\", default = true },\n"
                    "{ cert = \"b\", key = \"b\", default = false },\n"
                    "{ cert = \"c\", key = \"c\", default = true }]"));

  EXPECT_EQ(problems(result), Strings{"4:1 error: the default certificate is already on line 2"});
}

TEST(TlsFiles, two_certificates_without_a_path_are_not_the_same_one) {
  Result result = load_toml(tls("files = [{ key = \"a\" },\n{ key = \"b\" }]"));

  EXPECT_EQ(problems(result), (Strings{"2:10 error: a certificate needs \"cert\"",
                                       "3:1 error: a certificate needs \"cert\""}));
}

TEST(TlsFiles, may_be_tables_of_their_own) {
  Result result =
      load_toml("[[tls.files]]\ncert = \"a\"\nkey = \"b\"\n[[tls.files]]\ncert = \"c\"\n");

  EXPECT_EQ(result.config.tls.files.size(), 2u);
  EXPECT_EQ(problems(result), Strings{"4:1 error: a certificate needs \"key\""});
}

TEST(TlsFiles, relative_paths_start_at_the_file_they_are_written_in) {
  World world{{},
              {{"proxy.toml", "include = \"conf.d/*\"\n"},
               {"conf.d/tls.toml",
                tls("files = [{ cert = \"a.pem\", key = \"/k\" }]\n[routes.\"a.com\"]\n"
                    "to = \"https://b\"\nupstream_tls = { ca = \"ca.pem\", cert = \"c.pem\", "
                    "key = \"/c.key\" }")}}};
  Result result = load("proxy.toml", world.environment());

  ASSERT_TRUE(result.ok()) << only_message(result);
  EXPECT_EQ(result.config.tls.files.at(0).cert, "conf.d/a.pem");
  EXPECT_EQ(result.config.tls.files.at(0).key, "/k");
  EXPECT_EQ(first_site(result).upstream_tls.ca, "conf.d/ca.pem");
  EXPECT_EQ(first_site(result).upstream_tls.cert, "conf.d/c.pem");
  EXPECT_EQ(first_site(result).upstream_tls.key, "/c.key");
}

TEST(TlsFiles, are_listed_in_one_file_only) {
  const std::string files = tls("files = [{ cert = \"a\", key = \"b\" }]");
  World world{{}, {{"proxy.toml", "include = \"b.toml\"\n" + files}, {"b.toml", files}}};

  EXPECT_EQ(problems(load("proxy.toml", world.environment())),
            Strings{"b.toml:2:1 error: \"tls.files\" is already set at proxy.toml:3"});
}

TEST(SiteTls, is_off_when_nothing_is_said) {
  EXPECT_EQ(first_site(load_toml(site(""))).tls, (SiteTls{false, 0s}));
}

TEST(SiteTls, follows_the_process_wherever_that_is_written) {
  Result result = load_toml("[routes]\n\"a.com\" = 1\n" + tls("redirect = true\nhsts = \"1d\""));

  EXPECT_EQ(first_site(result).tls, (SiteTls{true, 86'400s}));
}

TEST(SiteTls, wins_over_the_process_key_by_key) {
  const std::string process = tls("redirect = true\nhsts = \"1d\"");
  const std::pair<std::string, SiteTls> cases[] = {
      {"tls = { redirect = false }", {false, 86'400s}},
      {"tls.hsts = \"730d\"", {true, 63'072'000s}},
      {"tls.hsts = \"\"", {true, 0s}},
      {"tls = { redirect = false, hsts = \"0s\" }", {false, 0s}},
  };
  for (const auto& [line, expected] : cases) {
    Result result = load_toml(process + site(line));
    ASSERT_TRUE(result.ok()) << only_message(result);
    EXPECT_EQ(first_site(result).tls, expected) << line;
  }
}

TEST(SiteTls, that_is_wrong_says_what_to_write) {
  const std::pair<std::string, std::string> cases[] = {
      {"tls = true", "3:7 error: \"tls\" takes a table, not true or false"},
      {"tls = { hsts = true }",
       "3:16 error: \"hsts\" takes a duration such as \"365d\", not true or false"},
      {"tls = { redirect = 308 }",
       "3:20 error: \"redirect\" takes true or false, not a whole number"},
      {"tls = { min = \"1.3\" }", "3:9 error: unknown key \"min\" in \"tls\" of site \"a.com\""},
  };
  for (const auto& [line, problem] : cases) {
    EXPECT_EQ(problems(load_toml(site(line))), Strings{problem}) << line;
  }
}

TEST(UpstreamTls, reads_every_key) {
  Result result =
      load_toml(site("upstream_tls = { server_name = \"App.Internal\", ca = \"/ca.pem\", "
                     "cert = \"/c.pem\", key = \"/c.key\" }"));

  ASSERT_TRUE(result.ok()) << only_message(result);
  EXPECT_TRUE(result.diagnostics.empty());
  EXPECT_EQ(first_site(result).upstream_tls,
            (UpstreamTls{"app.internal", "/ca.pem", "/c.pem", "/c.key", false}));
  EXPECT_EQ(first_site(load_toml(site(""))).upstream_tls, UpstreamTls());
}

TEST(UpstreamTls, that_is_wrong_says_what_to_write) {
  const std::pair<std::string, std::string> cases[] = {
      {"upstream_tls = 1", "3:16 error: \"upstream_tls\" takes a table, not a whole number"},
      {"upstream_tls.server_name = \"10.0.0.1\"",
       "3:28 error: \"10.0.0.1\" is an address, not a server name"},
      {"upstream_tls.server_name = \"::1\"",
       "3:28 error: \"::1\" is an address, not a server name"},
      {"upstream_tls.server_name = \"a b\"", "3:28 error: \"a b\" is not a host name"},
      {"upstream_tls.server_name = 1",
       "3:28 error: \"server_name\" takes a string, not a whole number"},
      {"upstream_tls.ca = \"\"", "3:19 error: \"ca\" takes the path of a PEM file"},
      {"upstream_tls.ca = [\"a\"]", "3:19 error: \"ca\" takes a string, not a list"},
      {"upstream_tls.insecure = \"x\"",
       "3:25 error: \"insecure\" takes true or false, not a string"},
      {"upstream_tls = { cert = \"c\" }", "3:18 error: \"cert\" is of no use without \"key\""},
      {"upstream_tls = { key = \"k\" }", "3:18 error: \"key\" is of no use without \"cert\""},
      {"upstream_tls = { insecur = true }",
       "3:18 error: unknown key \"insecur\" in \"upstream_tls\" of site \"a.com\""},
  };
  for (const auto& [line, problem] : cases) {
    EXPECT_EQ(problems(load_toml(site(line))), Strings{problem}) << line;
  }
  EXPECT_EQ(only_hint(load_toml(site("upstream_tls = { insecur = true }"))),
            "did you mean \"insecure\"?");
}

TEST(UpstreamTls, that_checks_no_certificate_is_a_warning) {
  Result result = load_toml(site("upstream_tls = { insecure = true }"));

  EXPECT_TRUE(result.ok());
  EXPECT_TRUE(first_site(result).upstream_tls.insecure);
  EXPECT_EQ(
      problems(result),
      Strings{"3:18 warning: the certificate of the target is not checked: whoever is between "
              "us and the target can read and change everything"});
  EXPECT_TRUE(load_toml(site("upstream_tls.insecure = false")).diagnostics.empty());
}

TEST(UpstreamTls, without_a_target_that_speaks_tls_is_a_warning) {
  Result result = load_toml("[routes.\"a.com\"]\nto = [1, \"b:443\"]\nupstream_tls.ca = \"c\"\n");

  EXPECT_TRUE(result.ok());
  EXPECT_EQ(problems(result),
            Strings{"3:1 warning: \"upstream_tls\" has no effect: no target of this site is "
                    "https://"});
  EXPECT_TRUE(load_toml("[routes.\"a.com\"]\nto = [1, \"https://b\"]\nupstream_tls.ca = \"c\"\n")
                  .diagnostics.empty());
}

TEST(UpstreamTls, is_no_second_problem_of_a_target_that_is_wrong) {
  EXPECT_EQ(
      problems(load_toml("[routes.\"a.com\"]\nto = \"https://b/x\"\nupstream_tls.ca = \"c\"\n")),
      Strings{"2:6 error: target \"https://b/x\" has a path"});
}

TEST(UpstreamTls, holds_for_targets_with_a_weight) {
  Result result =
      load_toml("[routes.\"a.com\"]\nto = [\"b:443\", { url = \"https://b\", weight = 2 }]\n");

  ASSERT_TRUE(result.ok()) << only_message(result);
  const std::vector<Target>& targets = first_site(result).targets;
  EXPECT_EQ(targets.at(0).display(), "b:443");
  EXPECT_EQ(targets.at(1).display(), "https://b:443");
  EXPECT_TRUE(targets.at(1).tls);
}

}  // namespace
}  // namespace config::test
