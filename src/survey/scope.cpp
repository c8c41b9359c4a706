#include "survey/scope.hpp"

#include "mesh/istio_config.hpp"
#include "mesh/view.hpp"
#include "util/text.hpp"

namespace meshdx::survey {

using namespace evidence;

namespace {

/// Lists no longer than this are left as they are: looking through them costs less than making shorter ones.
constexpr std::size_t k_short = 50;

std::string first_label(const std::string& host) {
  const auto name = lower(host);
  return contains(name, "*") ? "*" : name.substr(0, name.find('.'));
}

std::vector<std::string> hosts_of(const Object& object) {
  auto hosts = mesh::strings_at(object.spec(), "hosts");
  if (const auto host = text_at(object.spec(), "host"); !host.empty()) hosts.push_back(host);
  return hosts;
}

void add_labels_sent_to(const Object& vs, std::set<std::string>& labels) {
  for (const char* kind : {"http", "tcp", "tls"}) {
    for (const auto& rule : at(vs.spec(), kind)) {
      for (const auto& route : at(rule, "route")) labels.insert(first_label(text_at(at(route, "destination"), "host")));
      if (at(rule, "mirror").is_object()) labels.insert(first_label(text_at(at(rule, "mirror"), "host")));
    }
  }
}

}  // namespace

Scope::Scope(const Evidence& evidence) : m_evidence(evidence) {
  // What follows from the pods is worked out here once; the copies for single questions take it with them.
  const mesh::View view(evidence);
  view.names();
  view.control_plane();
  index(Kind::virtual_services, m_services);
  index(Kind::destination_rules, m_rules);
  for (const auto& list : m_services) {
    for (const auto& vs : *list.objects) m_by_name[vs.full_name()] = &vs;
  }
}

void Scope::index(Kind kind, std::vector<List>& lists) {
  for (const auto& key : m_evidence.keys(kind)) {
    const auto& loaded = m_evidence.get<Objects>(key);
    if (!loaded.ok()) continue;
    List list{key, &loaded.value, {}};
    for (std::size_t i = 0; i < loaded.value.size(); ++i) {
      const auto hosts = hosts_of(loaded.value[i]);
      // Without hosts it is a delegate, or broken: either may count anywhere.
      if (hosts.empty()) list.by_label["*"].insert(i);
      for (const auto& host : hosts) list.by_label[first_label(host)].insert(i);
    }
    lists.push_back(std::move(list));
  }
}

/// The first labels of the hosts that rules for these send to, through delegates too.
std::set<std::string> Scope::destinations(const std::set<std::string>& labels) const {
  std::set<std::string> found;
  for (const auto& list : m_services) {
    for (const auto& label : labels) {
      const auto own = list.by_label.find(label);
      if (own == list.by_label.end()) continue;
      for (const auto i : own->second) {
        const auto& vs = (*list.objects)[i];
        add_labels_sent_to(vs, found);
        for (const auto& rule : at(vs.spec(), "http")) {
          const Json& written = at(rule, "delegate");
          const auto delegate = m_by_name.find(text_at(written, "namespace", vs.meta.ns) + "/" + text_at(written, "name"));
          if (delegate != m_by_name.end()) add_labels_sent_to(*delegate->second, found);
        }
      }
    }
  }
  return found;
}

const Evidence& Scope::narrowed(const std::string& host, bool gateway) const {
  if (m_last && m_last_asked == std::make_pair(host, gateway)) return *m_last;
  m_last_asked = {host, gateway};
  auto& scoped = m_last.emplace(m_evidence);
  std::set<std::string> labels = {"*", first_label(host)};
  labels.merge(destinations(labels));
  const auto narrow = [&](const std::vector<List>& lists) {
    for (const auto& list : lists) {
      if (list.objects->size() <= k_short) continue;
      std::set<std::size_t> kept;
      for (const auto& label : labels) {
        const auto own = list.by_label.find(label);
        if (own != list.by_label.end()) kept.insert(own->second.begin(), own->second.end());
      }
      scoped.keep_only(list.key, kept);
    }
  };
  if (!gateway) narrow(m_services);
  narrow(m_rules);
  return scoped;
}

const Evidence& Scope::of(const Question& question) const { return narrowed(question.ask.host, question.ask.from == mesh::Complaint::From::gateway); }

const Evidence& Scope::about(const std::string& host) const { return narrowed(host, false); }

}  // namespace meshdx::survey
