// What would fail if it were called now: many questions over one store of evidence, without a complaint, a log or a proxy's
// own dump. Routes and clusters are forecast from the objects; the facts and causes are those of every diagnosis.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "diagnose/verdict.hpp"
#include "evidence/evidence.hpp"
#include "fix/fix.hpp"
#include "survey/question.hpp"

namespace meshdx::survey {

/// Something that is wrong, once, with every request it would fail.
struct Problem {
  std::string id, code, title;
  diagnose::State state = diagnose::State::confirmed;   ///< or likely
  int hop = 1;
  std::string object, message;
  std::vector<fix::Fix> fixes;
  std::vector<std::string> subjects;     ///< the Services and Gateways it hurts
  std::vector<std::string> requests;     ///< of those tried, the ones that would fail
  std::vector<std::string> explains;     ///< "MDX0102 no-ready-endpoints: ...": what else follows from it
};

/// One Service or Gateway, and what became of the requests to it.
struct Subject {
  std::string name;                      ///< "Service shop/web"
  enum class State { sound, open, faulty } state = State::sound;
  std::size_t requests = 0;
  std::vector<std::string> open;         ///< why some requests could not be decided, each once
};

struct Survey {
  std::vector<Problem> problems;         ///< worst first
  std::vector<Subject> subjects;         ///< by name
};

/// The evidence with a forecast of the caller's and the servers' proxies for one question. What a proxy itself said stays.
struct Stage {
  evidence::Evidence evidence;
  std::string unknown;                   ///< why the caller's proxy could not be forecast, "" when it could
};
Stage stage_for(const evidence::Evidence& evidence, const mesh::Complaint& ask);

/// Asks questions and gathers what they come to.
class Surveyor {
 public:
  /// `causes`: those that count, kept by reference. `context_flags`: words that the commands of fixes must carry.
  Surveyor(const std::vector<diagnose::Cause>& causes, std::vector<std::string> context_flags)
      : m_causes(causes), m_context_flags(std::move(context_flags)) {}

  void ask(const evidence::Evidence& evidence, const Question& question);

  /// Notes that a Service or Gateway could not be asked about.
  void leave_open(const std::string& name, const std::string& why);

  /// Problems that hurt more come first: confirmed before likely, all requests of a Service before some, more Services
  /// before fewer, then the smaller hop, code and object.
  [[nodiscard]] Survey result() const;

 private:
  void keep(const evidence::Evidence& evidence, const Question& question, const diagnose::CauseResult& result, diagnose::State state);
  Subject& subject(const std::string& name);

  const std::vector<diagnose::Cause>& m_causes;
  std::vector<std::string> m_context_flags;
  std::vector<Problem> m_problems;
  std::map<std::string, std::size_t> m_index;   ///< problems by cause, object and message
  std::map<std::string, Subject> m_subjects;
};

}  // namespace meshdx::survey
