// Objects that are for a workload by its labels, or for a whole namespace: PeerAuthentication, Sidecar. Private to intent.
#pragma once

#include "intent/draft.hpp"

namespace meshdx::intent {

/// Labels by which an object may select the wish's pods and no others of the namespace; the Error says why there are none.
Expected<evidence::Labels> labels_of_workload(const Draft& draft);

/// Where the labels of a kind's selector stand.
evidence::Labels selector_of(const evidence::Object& object);

/// The object of the kind to edit for the wish's workload or namespace; nullptr: none. The Error: another one that selects
/// these pods and others stands before a new one.
Expected<const evidence::Object*> own_object(const Draft& draft, mesh::Kind kind);

/// "web in shop", "namespace shop".
std::string target_text(const Wish& wish);

/// The playbook that tells whether it is so: about the workload, or for a namespace about one of it that has a sidecar;
/// `served_first`: rather one that a Service picks, as it is the requests to it that tell.
std::vector<std::string> verify_by(const Draft& draft, const char* playbook, bool served_first = false);

}  // namespace meshdx::intent
