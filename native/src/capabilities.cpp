#include "capabilities.h"

#include <dirent.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <string>
#include <vector>

#include "arguments.h"
#include "error.h"
#include "thread_broadcast.h"

namespace bpflow {

namespace {

constexpr std::array capabilityNames = {
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
};

constexpr unsigned maxCapability = 63;

struct Sets {
  uint64_t effective;
  uint64_t permitted;
  uint64_t inheritable;
};

int readSets(Sets& sets) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return errno;
  const auto whole = [](uint32_t low, uint32_t high) { return uint64_t{high} << 32 | low; };
  sets = {whole(data[0].effective, data[1].effective), whole(data[0].permitted, data[1].permitted),
          whole(data[0].inheritable, data[1].inheritable)};
  return 0;
}

int writeSets(const Sets& sets) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  const auto low = [](uint64_t set) { return static_cast<uint32_t>(set); };
  const auto high = [](uint64_t set) { return static_cast<uint32_t>(set >> 32); };
  const __user_cap_data_struct data[2] = {{low(sets.effective), low(sets.permitted), low(sets.inheritable)},
                                          {high(sets.effective), high(sets.permitted), high(sets.inheritable)}};
  return syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}

/** Runs in a signal handler, in each thread: system calls only. */
int dropInThisThread(const void* argument) {
  const uint64_t keep = *static_cast<const uint64_t*>(argument);
  Sets sets = {};
  if (const int number = readSets(sets); number != 0) return number;
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // Without CAP_SETPCAP the bounding set stays: it cannot be had back by this process either.
  for (unsigned capability = 0; capability <= maxCapability; ++capability) {
    if ((keep >> capability & 1) == 0 && prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) {
      prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
  }
  return writeSets({sets.effective & keep, sets.permitted & keep, sets.inheritable & keep});
}

std::string nameOf(unsigned capability) {
  return capability < capabilityNames.size() ? capabilityNames[capability] : "cap_" + std::to_string(capability);
}

uint64_t keepArgument(const Napi::CallbackInfo& info, const char* operation) {
  if (!info[0].IsArray()) raiseMisuse(info.Env(), operation, "The capabilities to keep must be an array of names");
  const Napi::Array wanted = info[0].As<Napi::Array>();
  uint64_t keep = 0;
  for (uint32_t i = 0; i < wanted.Length(); ++i) {
    const std::string name = wanted.Get(i).ToString();
    bool known = false;
    for (unsigned capability = 0; capability <= maxCapability; ++capability) {
      if (name != nameOf(capability)) continue;
      keep |= uint64_t{1} << capability;
      known = true;
    }
    if (!known) {
      raiseMisuse(info.Env(), operation,
                  "\"" + name + "\" is no capability; names are as in capabilities(7), in lower case: cap_bpf");
    }
  }
  return keep;
}

std::vector<pid_t> threads() {
  std::vector<pid_t> found;
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return found;
  while (const dirent* entry = readdir(tasks)) {
    if (const int id = std::atoi(entry->d_name); id > 0) found.push_back(id);
  }
  closedir(tasks);
  return found;
}

/** The union of the permitted, effective, inheritable and ambient sets of a thread; 0 when it has ended. */
uint64_t heldBy(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/status");
  std::string word;
  uint64_t held = 0;
  while (file >> word) {
    if (word == "CapEff:" || word == "CapPrm:" || word == "CapInh:" || word == "CapAmb:") {
      uint64_t set = 0;
      file >> std::hex >> set;
      held |= set;
    }
  }
  return held;
}

}  // namespace

Napi::Value capabilities(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Sets sets = {};
  if (const int number = readSets(sets); number != 0) {
    raise(env, {.code = "system",
                .operation = "capabilities",
                .message = "Cannot read the process's capabilities",
                .number = number});
  }
  Napi::Array held = Napi::Array::New(env);
  for (unsigned capability = 0; capability <= maxCapability; ++capability) {
    if ((sets.effective >> capability & 1) != 0) held.Set(held.Length(), nameOf(capability));
  }
  return held;
}

void dropCapabilities(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "drop_capabilities";
  const Napi::Env env = info.Env();
  const uint64_t keep = keepArgument(info, operation);
  const auto fail = [&](pid_t thread, int number) {
    raise(env, {.code = "system",
                .operation = operation,
                .message = "Thread " + std::to_string(thread) + " kept its capabilities",
                .number = number});
  };

  ThreadBroadcast broadcast(&dropInThisThread, &keep);
  if (broadcast.error() != 0) fail(gettid(), broadcast.error());

  // A thread made meanwhile has what its maker had: go on until a whole round finds nothing to drop.
  constexpr int maxRounds = 64;
  for (int round = 0; round < maxRounds; ++round) {
    bool clean = true;
    const std::vector<pid_t> found = threads();
    if (found.empty()) fail(gettid(), ENOENT);
    for (const pid_t thread : found) {
      if (round > 0 && (heldBy(thread) & ~keep) == 0) continue;
      clean = false;
      if (const int number = broadcast.runIn(thread); number != 0) fail(thread, number);
    }
    if (clean) return;
  }
  fail(gettid(), EAGAIN);
}

}  // namespace bpflow
