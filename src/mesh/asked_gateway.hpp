// Which gateway a request came in through, where the question names none: those that could have answered it at all, and
// what tells them apart. A wrong one would lead to a wrong cause, so where nothing tells, none is taken.
#pragma once

#include <string>
#include <vector>

#include "mesh/complaint.hpp"
#include "mesh/view.hpp"

namespace meshdx::mesh {

struct AskedGateway {
  std::vector<const evidence::Pod*> pods;        ///< of the gateway that was asked; empty: there is none, or it is not known
  std::vector<const evidence::Pod*> witnesses;   ///< pods of all gateways that may have been asked, when there are several: their logs tell
  std::string why;                               ///< why it is not known; "" when it is
  std::string remark;                            ///< of several, which was taken and why; "" when there was no choice
};

/// Of gateway pods the ones of the gateway that took the complaint's request. Requests of this kind that failed in a gateway's
/// log decide; else the gateway that has the host by its name (a server, a listener, or a rule bound to one), before one that
/// takes every host on the port (Gateway `*`, a listener without hostname). `beyond`: gateways whose pods were not listed count too.
AskedGateway asked_gateway(const View& view, const Complaint& complaint, const std::vector<const evidence::Pod*>& pods, bool beyond);

/// Whether the pods of every namespace with proxies were listed, as far as proxies (else namespaces) are known.
bool all_proxies_listed(const View& view);

}  // namespace meshdx::mesh
