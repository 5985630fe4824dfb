#include "libbpf_log.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>

namespace bpflow {

namespace {

constexpr size_t maxMessages = 64;
constexpr size_t maxMessageBytes = 1024;
constexpr size_t maxVerifierLogBytes = 64 * 1024;

constexpr std::string_view prefix = "libbpf: ";
constexpr std::string_view logBegin = "-- BEGIN PROG LOAD LOG --\n";
constexpr std::string_view logEnd = "-- END PROG LOAD LOG --";

/** What the verifier adds behind its verdict. */
constexpr std::array<std::string_view, 5> details = {"processed ", "verification time", "stack depth",
                                                     "cur state:", "old state:"};

thread_local LibbpfLog* current = nullptr;

int print(libbpf_print_level level, const char* format, va_list arguments) {
  if (current == nullptr || level == LIBBPF_DEBUG) return 0;
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return 0;
  std::string text(static_cast<size_t>(length), '\0');
  std::vsnprintf(text.data(), text.size() + 1, format, arguments);
  current->add(text);
  return 0;
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

/** The line that says what is wrong: the last but for details. */
std::string verdict(std::string_view log) {
  std::string_view rest = log;
  while (!rest.empty()) {
    rest = rest.substr(0, rest.find_last_not_of('\n') + 1);
    const size_t start = rest.rfind('\n') + 1;
    const std::string_view line = trimmed(rest.substr(start));
    rest = rest.substr(0, start);
    const bool detail =
        std::any_of(details.begin(), details.end(), [&](auto known) { return line.starts_with(known); });
    if (!line.empty() && !detail) return std::string(line.substr(0, maxMessageBytes));
  }
  return {};
}

}  // namespace

LibbpfLog::LibbpfLog() : outer_(current) {
  current = this;
}

LibbpfLog::~LibbpfLog() {
  current = outer_;
}

void LibbpfLog::install() {
  libbpf_set_print(&print);
}

void LibbpfLog::add(std::string_view message) {
  if (message.starts_with(prefix)) message.remove_prefix(prefix.size());
  const bool program = message.starts_with("prog '");
  if (program || message.starts_with("map '")) {
    const size_t start = message.find('\'') + 1;
    const size_t end = message.find('\'', start);
    if (end != message.npos) {
      subjectKind_ = program ? Kind::program : Kind::map;
      subject_ = message.substr(start, end - start);
    }
  }
  const size_t log = message.find(logBegin);
  if (log != message.npos) {
    addVerifierLog(message.substr(log + logBegin.size()));
    return;
  }
  if (messages_.size() == maxMessages) messages_.pop_front();
  messages_.emplace_back(trimmed(message.substr(0, maxMessageBytes)));
}

void LibbpfLog::addVerifierLog(std::string_view text) {
  const size_t end = text.rfind(logEnd);
  if (end != text.npos) text = text.substr(0, end);
  if (text.size() > maxVerifierLogBytes) {
    text = text.substr(text.size() - maxVerifierLogBytes);
    text.remove_prefix(text.find('\n') + 1);
  }
  verifierLog_ = text;
}

std::string LibbpfLog::cause() const {
  if (!verifierLog_.empty()) {
    if (std::string line = verdict(verifierLog_); !line.empty()) return line;
  }
  const std::string about = (subjectKind_ == Kind::program ? "prog '" : "map '") + subject_ + "': ";
  for (const std::string& message : messages_) {
    if (subjectKind_ == Kind::none) return message;
    if (message.starts_with(about)) return message.substr(about.size());
  }
  return {};
}

}  // namespace bpflow
