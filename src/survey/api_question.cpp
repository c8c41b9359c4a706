// The requests tried at Gateways of the Gateway API: one for each match of each route that asks to be attached.
#include <set>

#include "mesh/gateway_api.hpp"
#include "mesh/istio_config.hpp"
#include "survey/question.hpp"
#include "util/text.hpp"

namespace meshdx::survey {

using namespace evidence;
using mesh::ApiListener;

namespace {

/// A name that both a listener and a hostname of a route take, "" when there is none.
std::string shared_host(const std::string& listener, const std::string& route) {
  const std::string outer = listener.empty() ? "*" : listener, inner = route.empty() ? "*" : lower(route);
  const std::string host = mesh::host_covers(outer, inner) ? inner : mesh::host_covers(inner, outer) ? outer : "";
  if (host == "*") return "any.example";
  return starts_with(host, "*.") ? "any" + host.substr(1) : host;
}

/// Fills in a request that a match takes; false when none can be made up from a regular expression.
bool fill_match(const Json& match, mesh::Complaint& ask) {
  const Json& path = at(match, "path");
  if (text_at(path, "type") == "RegularExpression") return false;
  ask.path = text_at(path, "value", "/");
  ask.path_given = path.is_object();
  ask.method = text_at(match, "method", "GET");
  for (const auto& header : at(match, "headers")) {
    if (text_at(header, "type") == "RegularExpression") return false;
    ask.headers.emplace_back(lower(text_at(header, "name")), text_at(header, "value"));
  }
  for (const auto& parameter : at(match, "queryParams")) {
    if (text_at(parameter, "type") == "RegularExpression") return false;
    ask.query += (ask.query.empty() ? "" : "&") + text_at(parameter, "name") + "=" + text_at(parameter, "value");
  }
  return true;
}

Question plain_question(const Object& gateway, const ApiListener& listener, const std::string& host) {
  Question question;
  question.subject = "Gateway " + gateway.full_name();
  auto& ask = question.ask;
  ask.playbook = k_survey;
  ask.from = mesh::Complaint::From::gateway;
  ask.from_name = gateway.meta.name;
  ask.from_ns = ask.ns = gateway.meta.ns;
  ask.scheme = listener.protocol == "HTTPS" ? "https" : "http";
  ask.host = host;
  ask.named = mesh::Complaint::Named::host;
  ask.port = listener.port;
  ask.target = ask.scheme + "://" + host + "/";
  return question;
}

void ask_route(const Object& gateway, const ApiListener& listener, const Object& route, std::vector<Question>& questions) {
  auto hosts = mesh::strings_at(route.spec(), "hostnames");
  if (hosts.empty()) hosts.emplace_back();
  for (const auto& written : hosts) {
    const auto host = shared_host(listener.hostname, written);
    if (host.empty()) continue;
    for (const auto& rule : at(route.spec(), "rules")) {
      const Json& matches = at(rule, "matches");
      const Json any = Json::array({Json::object()});
      for (const auto& match : matches.is_array() && !matches.empty() ? matches : any) {
        auto question = plain_question(gateway, listener, host);
        if (fill_match(match, question.ask)) questions.push_back(std::move(question));
      }
    }
  }
}

}  // namespace

std::vector<Question> api_gateway_questions(const mesh::View& view, const std::string& ns) {
  std::vector<Question> questions;
  for (const auto* gateway : view.objects(Kind::api_gateways).items) {
    if (gateway->meta.ns != ns || text_at(gateway->spec(), "gatewayClassName") != "istio") continue;   // another controller's
    for (const auto* route : view.objects(Kind::http_routes).items) {
      for (const auto& parent : mesh::gateway_parents(*route)) {
        if (parent.ns != ns || parent.name != gateway->meta.name) continue;
        for (const auto& listener : mesh::listeners_of(*gateway)) {
          const bool http = listener.protocol == "HTTP" || listener.protocol == "HTTPS";
          if (http && mesh::means_listener(parent, listener)) ask_route(*gateway, listener, *route, questions);
        }
      }
    }
  }
  return questions;
}

std::vector<std::pair<std::string, std::string>> unasked_api_gateways(const mesh::View& view, const std::string& ns, const std::set<std::string>& asked) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto* gateway : view.objects(Kind::api_gateways).items) {
    const auto name = "Gateway " + gateway->full_name(), of_class = text_at(gateway->spec(), "gatewayClassName");
    if (gateway->meta.ns != ns || asked.count(name) > 0) continue;
    found.emplace_back(name, of_class != "istio" ? "its class " + of_class + " is not istio, whose pods alone are told" : "no HTTPRoute has a host that one of its listeners takes");
  }
  return found;
}

}  // namespace meshdx::survey
