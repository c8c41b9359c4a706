// What the access logs say of the requests: response flags and details by the hop that made the answer (causes.md 1, A, B).
// One row a signature; a row is true when at least a fifth of the failing requests carry it, so that a stray old failure
// does not name a cause.
#include <algorithm>
#include <initializer_list>
#include <map>

#include "facts/context.hpp"
#include "mesh/istio_config.hpp"
#include "mesh/passed_on.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Maker;
using mesh::Sighting;

namespace {

const std::vector<Kind> request_needs = {Kind::log, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways,
                                         Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints};
const std::vector<Kind> none_failed_needs = [] {
  auto kinds = request_needs;
  kinds.insert(kinds.end(), {Kind::telemetries, Kind::mesh_config});
  return kinds;
}();

bool refused(const AccessLine& l) {
  const auto says = [](const std::string& text) {
    return contains_loosely(text, "connection refused") || contains_loosely(text, "delayed connect error: 111");
  };
  return says(l.transport_failure) || says(l.details);
}
bool transport_says(const AccessLine& l, std::string_view words) { return contains_loosely(l.transport_failure, words) || contains_loosely(l.details, words); }
bool at_caller(const Sighting& s) { return s.maker == Maker::caller_proxy && s.caller != nullptr; }
bool at_server(const Sighting& s) { return s.maker == Maker::server_proxy && s.server != nullptr; }
bool inbound_cluster(const AccessLine& l) { return starts_with(l.upstream_cluster, "inbound|"); }

using Test = bool (*)(const Sighting&);

// --- made by the caller's proxy
bool uh(const Sighting& s) { return at_caller(s) && s.caller->has_flag("UH"); }
bool nc(const Sighting& s) { return at_caller(s) && s.caller->has_flag("NC"); }
bool nr(const Sighting& s) { return at_caller(s) && s.caller->has_flag("NR") && s.caller->details == "route_not_found"; }
bool uo(const Sighting& s) { return at_caller(s) && s.caller->has_flag("UO"); }
bool uc(const Sighting& s) { return at_caller(s) && s.caller->has_flag("UC"); }
bool fi(const Sighting& s) { return at_caller(s) && s.caller->has_flag("FI"); }
bool timed_out(const Sighting& s) { return at_caller(s) && s.caller->has_flag("UT") && s.caller->details == "response_timeout"; }
bool try_timed_out(const Sighting& s) { return at_caller(s) && s.caller->has_flag("UT") && contains(s.caller->details, "per_try"); }
bool blocked(const Sighting& s) {
  return at_caller(s) && (s.caller->route_name == "block_all" || s.caller->upstream_cluster == "BlackHoleCluster");
}
bool direct(const Sighting& s) { return at_caller(s) && s.caller->details == "direct_response" && s.caller->route_name != "block_all"; }
bool passed_through(const Sighting& s) { return at_caller(s) && starts_with(s.caller->upstream_cluster, "PassthroughCluster"); }
bool connect_timeout(const Sighting& s) { return at_caller(s) && s.caller->has_flag("UF") && (transport_says(*s.caller, "connection timeout") || transport_says(*s.caller, "timed out")); }
bool unreachable(const Sighting& s) { return at_caller(s) && (transport_says(*s.caller, "no route to host") || transport_says(*s.caller, "delayed connect error: 113")); }
bool refused_outbound(const Sighting& s) { return at_caller(s) && refused(*s.caller); }
bool connection_refused(const Sighting& s) { return (at_caller(s) && refused(*s.caller)) || (at_server(s) && refused(*s.server)); }
bool wrong_version(const Sighting& s) { return at_caller(s) && transport_says(*s.caller, "WRONG_VERSION_NUMBER"); }
bool tls_failed(const Sighting& s) { return at_caller(s) && s.caller->has_flag("UF") && transport_says(*s.caller, "TLS error"); }
bool verify_failed(const Sighting& s) { return at_caller(s) && (transport_says(*s.caller, "CERTIFICATE_VERIFY_FAILED") || transport_says(*s.caller, "UNKNOWN_CA")); }
bool no_secret(const Sighting& s) { return at_caller(s) && transport_says(*s.caller, "Secret is not supplied by SDS"); }
bool caller_dpe(const Sighting& s) { return at_caller(s) && s.caller->has_flag("DPE") && contains(s.caller->details, "codec_error"); }
bool caller_upe(const Sighting& s) { return at_caller(s) && s.caller->has_flag("UPE"); }

// --- made by the server's proxy, or by what stands behind it
bool no_chain(const Sighting& s) { return s.server != nullptr && s.server->details == "filter_chain_not_found"; }
bool server_refused(const Sighting& s) { return at_server(s) && inbound_cluster(*s.server) && refused(*s.server); }
bool server_uc(const Sighting& s) { return at_server(s) && inbound_cluster(*s.server) && s.server->has_flag("UC"); }
bool server_upe(const Sighting& s) { return at_server(s) && s.server->has_flag("UPE"); }
/// The caller spoke HTTP/2, and a proxy made HTTP/1.1 of it, which the server did not understand: the caller's own proxy
/// when the server has none, else it is the server's proxy that meets the application.
bool h2_over_http1(const Sighting& s) {
  if (s.caller == nullptr || s.caller->protocol != "HTTP/2") return false;
  return caller_upe(s) || (server_upe(s) && s.server->protocol == "HTTP/1.1");
}
bool h2_server_upe(const Sighting& s) { return server_upe(s) && s.server->protocol == "HTTP/2"; }
bool server_codec(const Sighting& s) { return s.server != nullptr && s.server->has_flag("DPE") && contains(s.server->details, "codec_error"); }
bool raw_bytes(const Sighting& s) { return s.caller != nullptr && s.caller->method.empty() && server_codec(s); }
bool h1_upe(const Sighting& s) { return s.made() != nullptr && s.made()->has_flag("UPE") && starts_with(s.made()->protocol, "HTTP/1"); }
/// What a proxy refuses to read or to pass on, by the words of its details; each is the proxy's own answer.
bool refused_for(const Sighting& s, std::initializer_list<std::string_view> words) {
  const AccessLine* line = s.made();
  return line != nullptr && std::any_of(words.begin(), words.end(), [&](std::string_view word) { return contains(line->details, word); });
}
bool old_http(const Sighting& s) { return refused_for(s, {"low_version"}); }
bool upgrade(const Sighting& s) { return refused_for(s, {"upgrade_failed", "websocket_handshake_unsuccessful"}); }
bool headers_too_large(const Sighting& s) { return s.made() != nullptr && !s.made()->has_flag("UPE") && refused_for(s, {"headers_too_large", "too_many_headers"}); }
bool body_too_large(const Sighting& s) { return refused_for(s, {"request_payload_too_large", "request_payload_exceeded_retry_buffer_limit"}); }
/// A violation that only something which is HTTP can commit.
bool invalid_http(const Sighting& s) {
  return s.made() != nullptr && !s.made()->has_flag("UPE") && !headers_too_large(s) &&
         (refused_for(s, {"missing_host_header", "http2.invalid", "http2.violation", "http2.unexpected_underscore"}) || (refused_for(s, {"http1."}) && !refused_for(s, {"codec_error", "https_url"})));
}
/// TLS of the application's own: the server name is no `outbound_...` of a proxy.
bool foreign_tls(const Sighting& s) {
  return no_chain(s) && !s.server->sni.empty() && !starts_with(s.server->sni, "outbound_") && !(s.caller != nullptr && s.caller->has_flag("UF"));
}
bool tls_refused(const Sighting& s) {
  return at_caller(s) && s.caller->has_flag("UF") &&
         (verify_failed(s) || transport_says(*s.caller, "HANDSHAKE_FAILURE") || transport_says(*s.caller, "PROTOCOL_VERSION") || transport_says(*s.caller, "UNRECOGNIZED_NAME"));
}
bool rbac(const Sighting& s) {
  const auto denied = [](const AccessLine* l) { return l != nullptr && (starts_with(l->details, "rbac_access_denied") || starts_with(l->termination, "rbac_access_denied")); };
  return denied(s.server) || denied(s.caller);
}
bool jwt(const Sighting& s) {
  const auto denied = [](const AccessLine* l) { return l != nullptr && starts_with(l->details, "jwt_authn_access_denied"); };
  return denied(s.server) || denied(s.caller);
}
using Wanted = bool (*)(const AccessLine&);
bool either(const Sighting& s, Wanted wanted) { return (s.server != nullptr && wanted(*s.server)) || (s.caller != nullptr && wanted(*s.caller)); }
bool rate_limited(const Sighting& s) {
  return either(s, [](const AccessLine& l) { return l.has_flag("RL") || l.details == "local_rate_limited" || l.details == "request_rate_limited"; });
}
bool ext_authz_denied(const Sighting& s) {
  return either(s, [](const AccessLine& l) { return starts_with(l.details, "ext_authz_denied"); });
}
bool ext_authz_error(const Sighting& s) {
  return either(s, [](const AccessLine& l) { return starts_with(l.details, "ext_authz_error"); });
}
bool lua_answered(const Sighting& s) {
  return either(s, [](const AccessLine& l) { return l.details == "lua_response"; });
}
bool stream_ended(const Sighting& s) {
  const AccessLine* l = s.made();
  return l->has_flag("SI") || l->has_flag("UMSDR") || l->has_flag("DT") || contains(l->details, "stream_idle_timeout") || contains(l->details, "max_duration_timeout") ||
         contains(l->details, "duration_timeout") || contains(l->details, "request_overall_timeout");
}
bool overloaded(const Sighting& s) {
  return either(s, [](const AccessLine& l) { return l.has_flag("OM") || contains_loosely(l.details, "overload manager") || l.details == "overload"; });
}
bool inbound_nr(const Sighting& s) { return at_server(s) && s.server->details == "route_not_found"; }
bool application(const Sighting& s) { return s.maker == Maker::application; }
bool own_error(const Sighting& s) { return application(s) && s.link == Sighting::Link::none; }
bool passed_on(const Sighting& s) { return application(s) && s.link == Sighting::Link::request_id; }
bool perhaps_passed_on(const Sighting& s) { return application(s) && s.link == Sighting::Link::time; }

struct Row {
  const char* id;
  const char* title;
  Test test;
};

const Row rows[] = {
    {"requests.uh", "The caller's proxy found no healthy upstream (UH)", uh},
    {"requests.nc", "The caller's proxy has no such cluster (NC)", nc},
    {"requests.nr", "The caller's proxy found no route (NR)", nr},
    {"requests.overflow", "The caller's proxy hit a limit of the circuit breaker (UO)", uo},
    {"requests.closed", "The upstream closed the connection on the caller's proxy (UC)", uc},
    {"requests.fault-injected", "The caller's proxy injected the failure (FI)", fi},
    {"requests.timed-out", "The caller's proxy gave up at the route's timeout (UT)", timed_out},
    {"requests.try-timed-out", "The caller's proxy gave up after its tries timed out (UT)", try_timed_out},
    {"requests.blocked", "The caller's proxy blocked the destination", blocked},
    {"requests.direct-response", "The caller's proxy answered by configuration", direct},
    {"requests.passed-through", "The caller's proxy passed the requests on unrecognised", passed_through},
    {"requests.connect-timeout", "The caller's proxy could not connect in time", connect_timeout},
    {"requests.no-route-to-host", "The caller's proxy got no route to host", unreachable},
    {"requests.refused-outbound", "The server's address refused the caller's proxy", refused_outbound},
    {"requests.connection-refused", "The address that the requests went to refused the connection", connection_refused},
    {"requests.wrong-version", "The server answered TLS with plaintext (WRONG_VERSION_NUMBER)", wrong_version},
    {"requests.tls-failed", "The TLS handshake with the server failed", tls_failed},
    {"requests.verify-failed", "A certificate did not verify", verify_failed},
    {"requests.no-secret", "The caller's proxy had no certificate to use", no_secret},
    {"requests.caller-protocol-error", "The caller's proxy could not read the request as HTTP (400 DPE)", caller_dpe},
    {"requests.http1.0", "A proxy refused HTTP/1.0 (426)", old_http},
    {"requests.upgrade-refused", "A proxy refused to upgrade the connection", upgrade},
    {"requests.headers-too-large", "A proxy refused the request's headers as too large or too many (431)", headers_too_large},
    {"requests.body-too-large", "A proxy could not hold the request's body (413, 507)", body_too_large},
    {"requests.invalid-http", "A proxy refused a request that breaks the rules of HTTP (400)", invalid_http},
    {"requests.foreign-tls", "The application spoke TLS itself to a port that takes the mesh's TLS only (NR)", foreign_tls},
    {"requests.tls-refused", "One side refused the other's certificate or TLS", tls_refused},
    {"requests.upstream-protocol-error", "The caller's proxy could not read the answer (UPE)", caller_upe},
    {"requests.h2-over-http1", "HTTP/2 requests became HTTP/1.1 and failed with a protocol error", h2_over_http1},
    {"requests.no-filter-chain", "The server's proxy closed the connection: no filter chain (NR)", no_chain},
    {"requests.refused-inbound", "The application refused the server's proxy", server_refused},
    {"requests.closed-inbound", "The application closed the connection on the server's proxy (UC)", server_uc},
    {"requests.inbound-protocol-error", "The server's proxy could not read the application's answer (UPE)", server_upe},
    {"requests.answer-unreadable", "The answer to an HTTP/1.1 request broke the rules of HTTP (UPE)", h1_upe},
    {"requests.inbound-h2-protocol-error", "HTTP/2 to the application failed with a protocol error", h2_server_upe},
    {"requests.codec-error", "The server's proxy got bytes that are no HTTP (400 DPE)", server_codec},
    {"requests.raw-bytes", "The caller sent bytes that are no HTTP, and the server's proxy wanted HTTP (400 DPE)", raw_bytes},
    {"requests.rbac-denied", "An AuthorizationPolicy denied the requests", rbac},
    {"requests.jwt-denied", "A token was rejected", jwt},
    {"requests.rate-limited", "A rate limit refused the requests (RL)", rate_limited},
    {"requests.ext-authz-denied", "An external authorizer refused the requests (UAEX)", ext_authz_denied},
    {"requests.ext-authz-error", "The external authorizer could not be asked (UAEX)", ext_authz_error},
    {"requests.lua-answered", "A Lua script in a proxy answered the requests", lua_answered},
    {"requests.stream-ended", "A proxy ended the stream for being idle or open too long (SI, UMSDR, DT)", stream_ended},
    {"requests.overloaded", "A proxy refused the requests because it is overloaded (OM)", overloaded},
    {"requests.inbound-no-route", "The server's proxy has no inbound route", inbound_nr},
    {"requests.application-answered", "The application itself answered so", application},
    {"requests.own-error", "The application answered so, and no request of its own failed with it", own_error},
    {"requests.passed-on", "The application answered so after a request of its own, with the same request id, had failed", passed_on},
    {"requests.perhaps-passed-on", "The application answered so while a request of its own failed", perhaps_passed_on},
};

/// "ns[shop]-policy[web]-rule[0]" → namespace and name of the policy; `none` = an ALLOW policy exists and none matched.
void rbac_bindings(const AccessLine& line, Bindings& b) {
  const std::string& text = starts_with(line.details, "rbac") ? line.details : line.termination;
  const auto part = [&](const char* open) -> std::string {
    const auto start = text.find(open);
    if (start == std::string::npos) return "";
    const auto from = start + std::string_view(open).size();
    return text.substr(from, text.find(']', from) - from);
  };
  b["denied.text"] = text;
  b["denied.policy"] = part("policy[");
  b["denied.namespace"] = part("ns[");
  b["denied.none"] = contains(text, "[none]");
}

std::string line_text(const AccessLine& line) {
  std::string text = std::to_string(line.code) + " " + (line.flags.empty() ? "-" : join(line.flags, ",")) + (line.details.empty() ? "" : " " + line.details);
  if (!line.transport_failure.empty() && !contains(line.details, line.transport_failure)) text += " \"" + line.transport_failure + "\"";
  if (!line.termination.empty()) text += " " + line.termination;
  return text;
}

Bindings sighting_bindings(Context& c, const Sighting& seen) {
  const AccessLine& line = *seen.made();
  Bindings b = {{"line.code", line.code}, {"line.flags", join(line.flags, ",")}, {"line.details", line.details}, {"line.transport", line.transport_failure},
                {"line.time", line.start}, {"line.path", line.path}, {"line.duration", line.duration_ms}, {"line.upstream", line.upstream_host}};
  const auto& serving = c.serving();
  b["service.host"] = serving.host;
  b["service.port"] = serving.port_number;
  if (serving.service != nullptr) {
    b["service.name"] = serving.service->meta.name;
    b["service.namespace"] = serving.service->meta.ns;
    if (serving.port != nullptr) b["port.index"] = serving.port - serving.service->ports.data();
  }
  if (seen.next != nullptr) {
    const auto to = mesh::sent_to(*seen.next);
    b["next.host"] = to.host;
    b["next.port"] = to.port;
    b["next.path"] = seen.next->path.empty() ? "/" : seen.next->path;
    b["next.line"] = line_text(*seen.next);
    b["next.tie"] = seen.link == Sighting::Link::request_id ? "with the same x-request-id" : "at the same time, which makes it likely only: the application does not pass x-request-id on";
  }
  const auto* pod = seen.server_pod;
  if (pod == nullptr && seen.caller != nullptr) pod = c.view.pod_by_ip(mesh::address_of(seen.caller->upstream_host));
  if (pod != nullptr) {
    b["server.pod"] = pod->meta.name;
    b["server.namespace"] = pod->meta.ns;
    b["server.workload"] = mesh::workload_of(*pod);
  }
  if (starts_with(line.details, "rbac") || starts_with(line.termination, "rbac")) rbac_bindings(line, b);
  return b;
}

/// Why the log proves neither success nor failure: it holds no request, or only such as were answered in another way.
/// `then` says what to do about the former.
Finding undecided(Context& c, const std::string& then = "") {
  const auto& requests = c.traffic().requests;
  const std::string since = c.ask.since.empty() ? "" : " since " + c.ask.since;
  if (requests.empty()) return none_seen(c, "the log holds no request of this kind" + since + then);
  return unknown("of " + count(requests.size(), "request") + " in the log" + since + " none succeeded and none failed as it was asked; the last was answered " + line_text(*requests.back().made()));
}

Finding signature(Context& c, const Row& row) {
  const auto& traffic = c.traffic();
  const auto& path = c.path();
  if (path.caller.pod == nullptr) return unknown();
  std::size_t hits = 0;
  const Sighting* last = nullptr;
  for (const auto& seen : traffic.requests) {
    if (seen.result != Sighting::Result::failed || !row.test(seen)) continue;
    ++hits;
    if (last == nullptr || seen.made()->start >= last->made()->start) last = &seen;
  }
  if (last != nullptr && hits * 5 >= traffic.failed) {
    auto b = sighting_bindings(c, *last);
    b["requests.hits"] = hits;
    b["requests.failed"] = traffic.failed;
    b["requests.seen"] = traffic.requests.size();
    const bool far = last->made() == last->server && last->server != nullptr;
    const auto* pod = far ? last->server_pod : last->caller_pod;
    if (pod != nullptr) b["shown.pod"] = pod->meta.name;
    b["line.proxy"] = pod == nullptr ? std::string("a pod") : pod_ref(*pod);
    const std::string whose = pod == nullptr ? "a proxy" : pod_ref(*pod) + "'s proxy";
    return yes(whose + " logged " + std::to_string(hits) + " of " + count(traffic.requests.size(), "request") + ": " + line_text(*last->made()), b);
  }
  // The absence of failing lines proves nothing: the window may be short, the log off. What failing lines do show, rules out.
  const bool all_traced = std::none_of(traffic.requests.begin(), traffic.requests.end(), [](const Sighting& s) { return s.result == Sighting::Result::failed && s.maker == Maker::unknown; });
  if (traffic.failed > 0 && all_traced) return no("the failing requests in the log look otherwise");
  if (traffic.failed > 0) return unknown("the log of the hop that made the answer was not read");
  if (traffic.ok > 0) return no("the requests in the log succeeded");
  if (path.caller.proxied() && traffic.caller_read && !traffic.caller_logs) return unknown("the caller's proxy writes no access log");
  if ((path.caller.proxied() && traffic.caller_read) || (!path.caller.proxied() && traffic.server_read)) return undecided(c);
  return unknown();
}

template <std::size_t I>
Finding signature_row(Context& c) {
  return signature(c, rows[I]);
}

template <std::size_t... I>
std::vector<Fact> make_rows(std::index_sequence<I...>) {
  return {Fact{rows[I].id, rows[I].title, request_needs, signature_row<I>, {Kind::log}}...};
}

/// Why the caller's proxy writes no access log: a Telemetry that switches it off, or no setting that switches it on.
std::string silent_log(Context& c) {
  const Pod& pod = *c.caller();
  const std::string text = "the proxy of " + pod_ref(pod) + " writes no access log";
  const std::string root = c.view.root_namespace();
  for (const auto* telemetry : c.view.objects(Kind::telemetries).items) {
    const auto selector = mesh::labels_at(at(telemetry->spec(), "selector"), "matchLabels");
    const bool scope = telemetry->meta.ns == pod.meta.ns || telemetry->meta.ns == root;
    if (!scope || !(selector.empty() || selects(selector, pod.meta.labels))) continue;
    for (const auto& logging : at(telemetry->spec(), "accessLogging")) {
      if (bool_at(logging, "disabled")) return text + ": Telemetry " + telemetry->meta.ns + "/" + telemetry->meta.name + " switches it off";
    }
  }
  return text + ", so requests leave no trace; a Telemetry with accessLogging switches it on without a restart";
}

/// The caller's proxy was told to write no access log: whatever lines there are, are old.
Finding log_is_off(Context& c) {
  const auto& traffic = c.traffic();
  const auto& caller = c.path().caller;
  if (caller.pod == nullptr || (caller.proxied() && !traffic.caller_read)) return unknown();
  if (!caller.proxied()) return no("the caller's requests pass no proxy of its own");
  if (!traffic.caller_logs && c.view.listeners(*caller.pod) == nullptr) return unknown();
  return decide(!traffic.caller_logs, traffic.caller_logs ? "the caller's proxy writes an access log" : "the proxy of " + pod_ref(*caller.pod) + " writes no access log", {{"shown.pod", caller.pod->meta.name}});
}

/// Lines of the caller's logs that could not be read: any of them may tell of a failure.
std::size_t unread_lines(Context& c) {
  std::size_t unread = 0;
  for (const auto* pod : c.path().caller.pods) {
    if (!pod->meshed() || !c.view.evidence().asked({Kind::log, pod->meta.ns, pod->meta.name})) continue;
    const auto* log = c.view.log(*pod);
    if (log != nullptr) unread += log->unread;
  }
  return unread;
}

Finding none_failed(Context& c) {
  const auto& traffic = c.traffic();
  const auto& path = c.path();
  if (path.caller.pod == nullptr) return unknown();
  if (traffic.failed > 0) {
    const auto found = std::find_if(traffic.requests.rbegin(), traffic.requests.rend(), [](const Sighting& s) { return s.result == Sighting::Result::failed; });
    const auto later = std::count_if(traffic.requests.rbegin(), found, [](const Sighting& s) { return s.result == Sighting::Result::ok; });
    const std::string since = later > 0 ? "; " + std::to_string(later) + " succeeded after it" : "";
    return no(std::to_string(traffic.failed) + " of " + count(traffic.requests.size(), "request") + " in the log failed, the last " + line_text(*found->made()) + " at " + found->made()->start + since,
              {{"shown.pod", path.caller.pod->meta.name}, {"requests.failed", traffic.failed}, {"requests.seen", traffic.requests.size()}});
  }
  if (path.caller.proxied() && traffic.caller_read && !traffic.caller_logs) return unknown(c.view.listeners(*path.caller.pod) == nullptr ? "" : silent_log(c));
  if (const auto unread = unread_lines(c); unread > 0) return unknown(count(unread, "line") + " of the caller's log could not be read, or the log was cut off");
  if (traffic.ok > 0) return yes("all " + count(traffic.ok, "request") + " of this kind in the log succeeded", {{"shown.pod", path.caller.pod->meta.name}, {"requests.failed", 0}, {"requests.seen", traffic.requests.size()}});
  if (path.caller.proxied() && !traffic.caller_read) return unknown();
  if (!path.caller.proxied() && !traffic.server_read) return unknown("no proxy logs the caller's requests");
  return undecided(c, ": send one and ask again");
}

Finding some_failed(Context& c) {
  Finding f = none_failed(c);
  f.truth = !f.truth;
  return f;
}

/// Every failing request got its answer from the application: what is wrong with proxies has not kept them from it.
Finding only_application(Context& c) {
  const auto& traffic = c.traffic();
  const auto made = std::count_if(traffic.requests.begin(), traffic.requests.end(), [](const Sighting& s) { return s.result == Sighting::Result::failed && application(s); });
  const bool all = traffic.failed > 0 && static_cast<std::size_t>(made) == traffic.failed;
  return decide(all, all ? "the application made the answer of every failing request in the log" : "the log does not show that the application made every failing answer");
}

/// The answer came from one hop further than the logs that were read reach.
Finding maker_unknown(Context& c) {
  const auto& traffic = c.traffic();
  const auto hits = std::count_if(traffic.requests.begin(), traffic.requests.end(), [](const Sighting& s) { return s.result == Sighting::Result::failed && s.maker == Maker::unknown; });
  return decide(hits > 0, "the answer came from beyond the caller's proxy, and the log of the next hop does not show the request");
}

}  // namespace

const std::vector<Fact>& request_facts() {
  static const std::vector<Fact> facts = [] {
    auto all = make_rows(std::make_index_sequence<std::size(rows)>());
    all.push_back({"requests.none-failed", "No request of this kind failed in the log window", none_failed_needs, none_failed, {Kind::log}});
    all.push_back({"caller.log-is-off", "The caller's proxy writes no access log", request_needs, log_is_off, {Kind::listeners, Kind::log}});
    all.push_back({"requests.some-failed", "Requests of this kind failed in the log window", none_failed_needs, some_failed, {Kind::log}});
    all.push_back({"requests.only-application", "The application made every failing answer", request_needs, only_application, {Kind::log}});
    all.push_back({"requests.maker-unseen", "The hop that made the answer was not seen", request_needs, maker_unknown, {Kind::log}});
    return all;
  }();
  return facts;
}

}  // namespace meshdx::facts
