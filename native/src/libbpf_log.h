#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace bpflow {

/**
 * Collects what libbpf says in this thread while it is in scope. libbpf has one print callback for the whole process
 * and gives it no context; the thread is the context. Outside of any scope libbpf is silent.
 *
 * The verifier's log is taken from here and not from bpf_program__set_log_buf(): with a buffer of ours that is too
 * small the kernel answers ENOSPC in place of the real error, while libbpf's own grows as needed, is allocated only
 * after a failure, and has its CO-RE messages improved.
 */
class LibbpfLog {
 public:
  enum class Kind { none, program, map };

  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  /** Sends libbpf's messages of all threads here. May be called any number of times. */
  static void install();

  /** What the last message that names a program or map is about: the culprit of a failed load. */
  Kind subjectKind() const { return subjectKind_; }
  const std::string& subject() const { return subject_; }

  /** The verifier's last lines, at most 64 KiB. */
  const std::string& verifierLog() const { return verifierLog_; }

  /** The most telling line: the verifier's verdict, else what libbpf said first about the subject. Empty when silent.
   */
  std::string cause() const;

  /** Takes one formatted message. */
  void add(std::string_view message);

 private:
  void addVerifierLog(std::string_view text);

  std::deque<std::string> messages_;
  Kind subjectKind_ = Kind::none;
  std::string subject_;
  std::string verifierLog_;
  LibbpfLog* outer_;
};

}  // namespace bpflow
