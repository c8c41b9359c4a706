// A survey of a live mesh: which commands it runs, namespace by namespace, so that a big mesh fits into a small memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "run/command.hpp"
#include "survey/survey.hpp"

namespace meshdx::survey {

struct SweepOptions {
  std::string ns;                          ///< "": every namespace of the mesh
  std::size_t shard = 0, shards = 1;       ///< only namespaces whose hash falls into this one of `shards`
  std::chrono::milliseconds step_timeout{15000};
  std::vector<std::string> context_flags;  ///< words that printed commands must carry
  std::function<void(const std::string& line)> progress;   ///< may be empty
};

/// A command that gave nothing.
struct Unread {
  run::Argv argv;
  std::string why;
};

struct Sweep {
  Survey survey;
  std::vector<std::string> namespaces;     ///< that were checked
  std::size_t left_out = 0;                ///< namespaces without proxies or Istio objects
  std::vector<Unread> unread;
  std::vector<std::string> remarks;        ///< what the forecasts do not take into account here
  std::size_t commands = 0;
  bool interrupted = false;
  std::string failed;                      ///< why nothing could be checked at all, one sentence; "" otherwise
};

/// Lists the small Istio kinds once for all namespaces, everything else a few namespaces at a time, which are dropped when
/// they are done: pods and slices are never listed cluster-wide. No proxy is asked for its dump, no log is read.
Sweep sweep(run::CommandRunner& runner, const std::vector<diagnose::Cause>& causes, const SweepOptions& options);

/// The shard of a namespace: the same on every machine and in every version (FNV-1a of the name).
std::size_t shard_of(const std::string& ns, std::size_t shards);

/// Whether a namespace of this name and labels belongs to the mesh by its own word: injection, a revision, ambient mode.
bool says_in_mesh(const evidence::Labels& labels);

/// The manifest of a Kubernetes Indexed Job that sweeps the whole mesh in `shards` pods, with the ServiceAccount and the
/// rights it needs. `image` must hold meshdx, kubectl and istioctl.
std::string job_manifest(const std::string& image, std::size_t shards, const std::string& ns);

}  // namespace meshdx::survey
