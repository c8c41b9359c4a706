#include "evidence/certificate.hpp"
#include "evidence/envoy_parts.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {

using dump::View;

namespace {

/// A DataSource. Certificates in files Envoy reads itself are not in the dump and leave the chain empty.
std::vector<Certificate> read_chain(const View& source) {
  std::string pem = source.get("inlineString").text();
  if (const auto bytes = source.get("inlineBytes")) {
    auto decoded = decode_base64(bytes.view());
    if (!decoded) bytes.note("is no base64");
    else pem = std::move(*decoded);
  }
  auto chain = parse_certificates(pem);
  if (chain) return std::move(*chain);
  source.note(": " + chain.error());
  return {};
}

Secret read_secret(const View& view, bool warming) {
  Secret secret;
  secret.name = view.need("name");
  // Envoy keeps a secret it still waits for as "uninitialized" (formats.md 2.3).
  secret.active = !warming && view.get("versionInfo").text() != "uninitialized";
  secret.last_updated = view.get("lastUpdated").text();
  const auto content = view.get("secret");
  if (const auto certificate = content.get("tlsCertificate")) {
    secret.chain = read_chain(certificate.get("certificateChain"));
  } else if (const auto validation = content.get("validationContext")) {
    secret.is_ca = true;
    secret.chain = read_chain(validation.get("trustedCa"));
  }
  return secret;
}

}  // namespace

Expected<Secrets> parse_secrets(const Input& json) {
  static const dump::Shape shape{
      "secrets dump",
      "SecretsConfigDump",
      {{"dynamicActiveSecrets", {}}, {"dynamicWarmingSecrets", {}}, {"staticSecrets", {}}},
      true};
  Secrets secrets;
  const auto done = dump::for_each_record(json, shape, [&](const View& record, std::string_view list) {
    secrets.push_back(read_secret(record, list == "dynamicWarmingSecrets"));
  });
  if (!done) return Error{done.error()};
  return secrets;
}

}  // namespace meshdx::evidence
